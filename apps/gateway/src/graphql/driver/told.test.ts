import type { ExecutionResult } from 'graphql';
import { expect, test } from 'vitest';
import { Pull } from '../../live/pull.js';
import { ResultBodies, headOf, told } from './told.js';

const open = { isOpen: true, closedMs: 0, whenOpen: () => () => undefined };

class Source {
  readonly values: number[] = [];
  readonly pull = new Pull<number>(this);
  left = 0;

  take(): number | undefined {
    return this.values.shift();
  }
  leave(): void {
    this.left++;
  }
}

function telling(run: (payload: unknown) => Promise<ExecutionResult>) {
  const source = new Source();
  const results: unknown[] = [];
  let ends = 0;
  const listener = { pace: open, tell: (result: ExecutionResult) => results.push(result.data) };
  const stream = told(source.pull, run, listener, () => ends++);
  return { source, results, stream, ends: () => ends };
}
const same = (payload: unknown): Promise<ExecutionResult> =>
  Promise.resolve({ data: payload } as ExecutionResult);

test('a result is made bytes once, and stands in a message behind the id', () => {
  let formatted = 0;
  const bodies = new ResultBodies((result) => {
    formatted++;
    return result;
  });
  const result = { data: { a: 1 } };
  const message = Buffer.concat([headOf('a "name"'), bodies.of(result)]).toString();
  expect(JSON.parse(message)).toEqual({ id: 'a "name"', type: 'next', payload: result });
  expect(bodies.of(result)).toBe(bodies.of(result));
  bodies.of({ data: { a: 1 } });
  expect(formatted).toBe(2);
});

test('each payload is executed and told in order; the stream itself only ends', async () => {
  const { source, results, stream, ends } = telling(same);
  source.values.push(1, 2, 3);
  const over = stream.next();
  source.values.push(4);
  // Each takes a turn of the loop of promises.
  while (results.length < 4) await Promise.resolve();
  source.pull.end();
  expect(await over).toEqual({ done: true, value: undefined });
  expect(results).toEqual([1, 2, 3, 4]);
  expect(ends()).toBeGreaterThan(0);
});

test('a failure is told behind what was under way', async () => {
  let finish: (result: ExecutionResult) => void = () => undefined;
  const { source, results, stream, ends } = telling(() => new Promise((done) => (finish = done)));
  source.values.push(1);
  const over = stream.next();
  source.pull.end({ error: new Error('too slow') });
  finish({ data: { one: 1 } });
  await expect(over).rejects.toThrow('too slow');
  expect(results).toEqual([{ one: 1 }]);
  expect([source.left, ends()]).toEqual([1, 1]);
});

test('who has left is told nothing more, not even what was under way', async () => {
  let finish: (result: ExecutionResult) => void = () => undefined;
  const { source, results, stream } = telling(() => new Promise((done) => (finish = done)));
  source.values.push(1);
  const over = stream.next();
  await stream.return();
  expect(source.left).toBe(1);
  finish({ data: { one: 1 } });
  expect((await over).done).toBe(true);
  expect(results).toEqual([]);
});
