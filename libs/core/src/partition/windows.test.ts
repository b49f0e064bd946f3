import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

/** Reads that come late, in interleavings that random plays seldom meet. */
const rigOf = (window: number): Rig =>
  new Rig({ limits: { window, windowLow: window, expiries: 2 }, lazyReads: true });

function submitAll(rig: Rig, ids: readonly string[]): void {
  for (const id of ids) {
    rig.now++;
    rig.submit(id);
  }
  rig.commit();
}

const inMemory = (rig: Rig): string[] => [...rig.state.cells.keys()].sort();

describe('a window and its late reads (P5)', () => {
  test('a refill that shows a run as it was before its end does not bring it back (P3)', () => {
    const rig = rigOf(2);
    submitAll(rig, ['a', 'b', 'c', 'd']);
    rig.cancel('k', 'c');
    rig.match('a');
    rig.commit();
    rig.read();
    expect(rig.types('c').at(-1)).not.toBe('FINISHED');
    rig.read();
    rig.commit();
    expect(rig.cell('c').state).toBe('CANCELLED');
    expect(inMemory(rig)).not.toContain('c');
    rig.match('c');
    rig.commit();
    expect(rig.types('c').filter((type) => type === 'GRANTED')).toEqual([]);
  });

  test('a look-up that shows a run as it was before its end is asked again (P3)', () => {
    const rig = rigOf(2);
    submitAll(rig, ['a', 'b', 'c']);
    rig.cancel('k', 'b');
    rig.commit();
    const token = { run: 'c', attempt: 1, executor: 'x1', incarnation: 1, epoch: 1, seq: 99 };
    rig.result(token);
    rig.cancel('k2', 'c');
    rig.read();
    rig.commit();
    for (let i = 0; i < 5; i++) rig.read();
    rig.commit();
    expect(rig.types('c')).toEqual(['SUBMITTED', 'CANCEL_REQUESTED', 'FINISHED']);
    expect(rig.sentOf('ack')).toHaveLength(1);
  });

  test('a look-up older than the end of its run, which a refill had brought: once more', () => {
    const rig = rigOf(2);
    submitAll(rig, ['a', 'b', 'c']);
    rig.match('a');
    rig.commit();
    // The refill is under way; then the look-up for the first cancel, which sees c as READY too.
    rig.cancel('k1', 'c');
    rig.commit();
    rig.read();
    expect(inMemory(rig)).toContain('c');
    rig.cancel('k2', 'c');
    rig.commit();
    expect(rig.cell('c').state).toBe('CANCELLED');
    for (let i = 0; i < 3; i++) rig.read();
    rig.commit();
    expect(inMemory(rig)).not.toContain('c');
    expect(rig.types('c').filter((type) => type === 'FINISHED')).toHaveLength(1);
    expect(rig.answers.has('k1')).toBe(true);
  });

  test('a run that comes while the refill is under way is not forgotten', () => {
    const rig = rigOf(3);
    submitAll(rig, ['a', 'b', 'c', 'd']);
    rig.match('a');
    rig.match('b');
    rig.commit();
    rig.now++;
    rig.submit('e');
    expect(inMemory(rig)).not.toContain('e');
    rig.read();
    rig.commit();
    for (let i = 0; i < 3; i++) rig.read();
    expect(inMemory(rig)).toContain('e');
  });

  test('a run that comes back while the refill is under way stands before what that brings', () => {
    const rig = new Rig({ limits: { window: 2, windowLow: 1 }, lazyReads: true });
    submitAll(rig, ['a', 'b', 'c', 'd', 'e']);
    rig.match('a');
    rig.match('b');
    rig.commit();
    const token = rig.sentOf('assign').find((effect) => effect.token.run === 'a')?.token;
    if (token === undefined) throw new Error('a was not assigned');
    rig.step({ kind: 'bounce', token, reason: 'full' });
    rig.commit();
    for (let i = 0; i < 3; i++) {
      rig.read();
      rig.commit();
    }
    const line = [...rig.state.lanes.values()].flatMap(({ window }) => [...window]);
    expect(line.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('deadlines behind their window fire all the same, past those that have started', () => {
    const rig = rigOf(8);
    for (let i = 0; i < 8; i++) rig.submit(`r${i}`, { expires: rig.now + 1_000 + i });
    rig.commit();
    for (let i = 0; i < 4; i++) rig.match(`r${i}`);
    rig.commit();
    rig.now += 5_000;
    for (let round = 0; round < 20; round++) {
      rig.tick();
      rig.commit();
      rig.read();
    }
    const states = Array.from({ length: 8 }, (_, i) => rig.cell(`r${i}`).state);
    expect(states).toEqual([...Array(4).fill('GRANTED'), ...Array(4).fill('EXPIRED')]);
  });
});
