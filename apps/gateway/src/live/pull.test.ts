import { describe, expect, it } from 'vitest';
import { Pull } from './pull.js';

class Source {
  readonly values: number[] = [];
  left = 0;
  readonly pull = new Pull<number>(this);

  take(): number | undefined {
    return this.values.shift();
  }

  leave(): void {
    this.left++;
  }

  give(...values: number[]): void {
    this.values.push(...values);
    this.pull.wake();
  }
}

const DONE = { done: true, value: undefined };
const value = (of: number) => ({ done: false, value: of });

describe('the reader’s side', () => {
  it('answers what is there, and who waits in the order of asking', async () => {
    const source = new Source();
    source.give(1);
    const asked = [source.pull.next(), source.pull.next(), source.pull.next()];
    source.give(2, 3, 4);
    expect(await Promise.all(asked)).toEqual([value(1), value(2), value(3)]);
    expect(await source.pull.next()).toEqual(value(4));
  });

  it('return answers who waits, releases at once and once', async () => {
    const source = new Source();
    const asked = [source.pull.next(), source.pull.next()];
    const returned = source.pull.return();
    expect(source.left).toBe(1);
    expect(await Promise.all([...asked, returned])).toEqual([DONE, DONE, DONE]);
    await source.pull.return();
    source.give(1);
    expect(await source.pull.next()).toEqual(DONE);
    expect(source.left).toBe(1);
  });

  it('a failure is told once, also to who asks later', async () => {
    const waiting = new Source();
    const asked = [waiting.pull.next(), waiting.pull.next()];
    waiting.pull.end({ error: new Error('over') });
    await expect(asked[0]).rejects.toThrow('over');
    expect(await asked[1]).toEqual(DONE);
    const later = new Source();
    later.pull.end({ error: new Error('over') });
    expect(later.left).toBe(1);
    await expect(later.pull.next()).rejects.toThrow('over');
    expect(await later.pull.next()).toEqual(DONE);
  });

  it('a throw from the reader is a return', async () => {
    const source = new Source();
    await expect(source.pull.throw(new Error('mine'))).rejects.toThrow('mine');
    expect(source.left).toBe(1);
  });

  it('for await leaves with its break', async () => {
    const source = new Source();
    source.give(1, 2, 3);
    const got: number[] = [];
    for await (const each of source.pull) {
      got.push(each);
      if (each === 2) break;
    }
    expect([got, source.left]).toEqual([[1, 2], 1]);
  });
});
