import { expect, test, vi } from 'vitest';
import type { Context } from '../context.js';
import { bulks } from './bulk.js';
import type { Values } from './command.js';

const ASKED = { id: 'b1', matched: 9, applied: 2, pending: true, replayed: true };

/** A server that works on and does not answer; a repeat tells what it has begun. */
function play(values: Values, isAccepted = true) {
  const told = { out: '', err: '', asked: [] as unknown[] };
  const begun = { ...ASKED, id: isAccepted ? 'b1' : null, unmatched: [], userErrors: [] };
  const context = {
    format: 'json',
    project: 'demo',
    terminal: {
      out: (text: string) => (told.out += text),
      err: (text: string) => (told.err += text),
      isTerminal: false,
    },
    client: {
      mutate: async (_: string, input: unknown) => {
        told.asked.push(input);
        return await new Promise(() => undefined);
      },
      request: async (_: string, { input }: { input: unknown }) => {
        told.asked.push(input);
        return await Promise.resolve({ ok: true, value: { bulkRuns: begun } });
      },
    },
  } as unknown as Context;
  const command = bulks.find(({ name }) => name === 'runs bulk');
  return { told, code: command?.run(context, { job: 'a', ...values }, ['cancel']) };
}

test('--no-wait is done as soon as it is accepted: a repeat under its key names it', async () => {
  const { told, code } = play({ 'no-wait': true });
  expect(await code).toBe(0);
  expect(JSON.parse(told.out)).toEqual({ id: 'b1', matched: 9, applied: 2, pending: true });
  expect(told.err).toContain('orrery bulk get b1');
  expect(told.asked).toHaveLength(2);
  expect(told.asked[0]).toMatchObject({ idempotencyKey: expect.any(String) as string });
  expect(told.asked[1]).toEqual(told.asked[0]);
});

test('--timeout ends it also while nothing is answered, with its id said before', async () => {
  const { told, code } = play({ timeout: '600ms' });
  await vi.waitFor(() => expect(told.err).toContain('bulk b1 is under way'));
  expect(told.out).toBe('');
  expect(await code).toBe(124);
  expect(JSON.parse(told.out)).toMatchObject({ id: 'b1', pending: true });
  expect(told.err).toContain('orrery bulk get b1');
});

test.each([
  [true, 'orrery bulk get b1'],
  [false, 'orrery bulk ls'],
])('Ctrl-C before the answer, accepted %j: says %s', async (isAccepted, words) => {
  const before = process.listenerCount('SIGINT');
  const { told, code } = play({}, isAccepted);
  await vi.waitFor(() => expect(process.listenerCount('SIGINT')).toBe(before + 1));
  await vi.waitFor(() => expect(told.asked).toHaveLength(2));
  process.emit('SIGINT');
  expect(await code).toBe(130);
  expect(told.err).toContain(words);
  expect(told.err).toContain('goes on without this command');
});
