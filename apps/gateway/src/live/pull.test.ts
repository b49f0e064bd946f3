import { describe, expect, it } from 'vitest';
import type { Pace } from './pace.js';
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

class TestPace implements Pace {
  isOpen = true;
  closedMs = 0;
  readonly waiting = new Set<() => void>();

  whenOpen(tell: () => void): () => void {
    this.waiting.add(tell);
    return () => this.waiting.delete(tell);
  }

  open(): void {
    this.isOpen = true;
    for (const tell of [...this.waiting]) {
      this.waiting.delete(tell);
      tell();
    }
  }
}

/** A reader who says when it has dealt with each value. */
function poured(source: Source) {
  const pace = new TestPace();
  const got: number[] = [];
  const settles: (() => void)[] = [];
  const over = source.pull.each(pace, (each) => {
    got.push(each);
    return new Promise((resolve) => settles.push(resolve));
  });
  const settle = async (): Promise<void> => {
    settles.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { pace, got, settle, over };
}

describe('poured out', () => {
  it('one after the other, each when the one before is settled', async () => {
    const source = new Source();
    const { got, settle } = poured(source);
    source.give(1, 2);
    expect(got).toEqual([1]);
    await settle();
    expect(got).toEqual([1, 2]);
  });

  it('nothing is taken while the pace is closed, and it goes on when that opens', async () => {
    const source = new Source();
    const { pace, got, settle } = poured(source);
    pace.isOpen = false;
    pace.closedMs = 7;
    source.give(1, 2);
    expect([got, source.values, source.pull.stalledMs]).toEqual([[], [1, 2], 7]);
    expect(pace.waiting.size).toBe(1);
    pace.open();
    expect(got).toEqual([1]);
    // What holds it up now is not its reader's connection.
    expect(source.pull.stalledMs).toBe(0);
    await settle();
    expect(got).toEqual([1, 2]);
  });

  it('an end is told though the pace is closed, and nothing waits any more', async () => {
    for (const end of ['failure', 'end', 'return'] as const) {
      const source = new Source();
      const { pace, got, over } = poured(source);
      pace.isOpen = false;
      source.give(1);
      if (end === 'return') await source.pull.return();
      else source.pull.end(end === 'failure' ? { error: new Error('over') } : undefined);
      if (end === 'failure') await expect(over).rejects.toThrow('over');
      else expect(await over).toBeUndefined();
      expect([got, pace.waiting.size, source.left]).toEqual([[], 0, 1]);
    }
  });

  it('a failure is told behind the value that is under way', async () => {
    const source = new Source();
    const { settle, over } = poured(source);
    let isTold = false;
    const told = over.catch(() => (isTold = true));
    source.give(1);
    source.pull.end({ error: new Error('over') });
    await Promise.resolve();
    expect(isTold).toBe(false);
    await settle();
    await told;
    expect(isTold).toBe(true);
  });

  it('a value that cannot be dealt with ends it', async () => {
    const source = new Source();
    const over = source.pull.each(new TestPace(), () => Promise.reject(new Error('a defect')));
    source.give(1);
    await expect(over).rejects.toThrow('a defect');
    expect(source.left).toBe(1);
  });
});
