import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventSegment, FeedEvent } from './event.js';
import {
  FOLLOW,
  type FollowEffect,
  type FollowMessage,
  emptyFollowed,
  followMachine,
} from './partition.machine.js';

/** Only its seq matters here. */
const event = (seq: number): FeedEvent => ({
  partition: 0,
  seq,
  at: 0,
  type: 'CHANGED',
  run: 'r',
  project: 'p',
  job: null,
  from: null,
  to: null,
  attempt: 0,
  executor: null,
  actor: null,
  data: null,
});
const segment = (seq: number, n: number, chars = 10): EventSegment => ({
  seq,
  n,
  events: Array.from({ length: n }, (_, i) => event(seq + i)),
  chars,
});

/** One machine with what it passed on and what it asks for. */
class Rig {
  state = emptyFollowed();
  readonly passed: number[] = [];
  readonly broken: string[] = [];
  readonly reads: number[] = [];

  tell(message: FollowMessage): this {
    followMachine.step(this.state, message, 0, (effect) => this.perform(effect));
    return this;
  }

  segment(seq: number, n = 1): this {
    return this.tell({ kind: 'segment', segment: segment(seq, n) });
  }

  page(after: number, head: number, ...segments: EventSegment[]): this {
    return this.tell({ kind: 'page', after, head, segments });
  }

  private perform(effect: FollowEffect): void {
    if (effect.kind === 'read') this.reads.push(effect.after);
    else if (effect.kind === 'broken') this.broken.push(effect.why);
    else for (const each of effect.segment.events.slice(effect.skip)) this.passed.push(each.seq);
  }
}

const opened = (head: number): Rig => new Rig().tell({ kind: 'opened', head });

describe('a followed partition', () => {
  it('passes on what comes in order', () => {
    const rig = opened(10).segment(11, 2).segment(13);
    expect(rig.passed).toEqual([11, 12, 13]);
    expect(rig.reads).toEqual([]);
  });

  it('F1: drops a repeat, and what is partly new is passed on in part', () => {
    const rig = opened(10).segment(11, 2).segment(11, 2).segment(9, 5);
    expect(rig.passed).toEqual([11, 12, 13]);
  });

  it('holds what comes before it knows where it stands', () => {
    const rig = new Rig().segment(12).segment(11).segment(9);
    expect(rig.passed).toEqual([]);
    expect(rig.reads).toEqual([]);
    expect(rig.tell({ kind: 'opened', head: 10 }).passed).toEqual([11, 12]);
    expect(rig.state.held).toEqual([]);
  });

  it('F2: passes on nothing above a gap before the journal has filled it', () => {
    const rig = opened(10).segment(12).segment(14);
    expect(rig.passed).toEqual([]);
    expect(rig.reads).toEqual([10]);
    rig.page(10, 14, segment(11, 1), segment(12, 1), segment(13, 1), segment(14, 1));
    expect(rig.passed).toEqual([11, 12, 13, 14]);
    expect(rig.state).toMatchObject({ held: [], heldEvents: 0, heldChars: 0, reading: false });
  });

  it('a segment that was only late fills the gap itself', () => {
    const rig = opened(10).segment(12).segment(11);
    expect(rig.passed).toEqual([11, 12]);
    // The page is older than what has come since: nothing is wrong with that.
    expect(rig.page(10, 11, segment(11, 1)).broken).toEqual([]);
    expect(rig.passed).toEqual([11, 12]);
  });

  it('F3: a head reveals a segment that was lost before a silence', () => {
    const rig = opened(10).tell({ kind: 'head', seq: 11 });
    expect(rig.reads).toEqual([10]);
    expect(rig.page(10, 11, segment(11, 1)).passed).toEqual([11]);
  });

  it('F3: one read at a time, and a failed one is asked again at the next word', () => {
    const rig = opened(10).segment(12).segment(14).tell({ kind: 'head', seq: 20 });
    expect(rig.reads).toEqual([10]);
    rig.tell({ kind: 'unread' });
    expect(rig.reads).toEqual([10]);
    rig.tell({ kind: 'head', seq: 20 });
    expect(rig.reads).toEqual([10, 10]);
  });

  it('reads on at once while pages bring something', () => {
    const rig = opened(10).tell({ kind: 'head', seq: 12 });
    rig.page(10, 12, segment(11, 1));
    expect(rig.reads).toEqual([10, 11]);
  });

  it('a head that the journal does not know is read for once and forgotten', () => {
    const rig = opened(10).tell({ kind: 'head', seq: 99 }).page(10, 10);
    expect(rig.reads).toEqual([10]);
    rig.tell({ kind: 'head', seq: 10 });
    expect(rig.reads).toEqual([10]);
  });

  it('F4: drops what it cannot hold, and reads it again', () => {
    const rig = opened(0);
    const n = FOLLOW.heldEventsMax / 2;
    rig
      .segment(2, n)
      .segment(2 + n, n)
      .segment(2 + 2 * n, n);
    expect(rig.state.heldEvents).toBe(FOLLOW.heldEventsMax);
    rig.page(0, 1 + 3 * n, segment(1, 1));
    expect(rig.passed).toHaveLength(1 + 2 * n);
    expect(rig.reads).toEqual([0, 1 + 2 * n]);
  });

  it('F4: text counts as well', () => {
    const rig = opened(0);
    const chars = FOLLOW.heldCharsMax;
    rig.tell({ kind: 'segment', segment: segment(2, 1, chars) });
    rig.tell({ kind: 'segment', segment: segment(3, 1, 1) });
    expect(rig.state.held.map((held) => held.seq)).toEqual([2]);
  });

  it.each([
    ['a hole before what is left', 'gone', [5, 9, segment(8, 2)]],
    ['a head with nothing below it', 'gone', [5, 9]],
    ['a head below the place', 'backwards', [5, 3]],
  ] as const)('F5: %s breaks it', (_, why, [after, head, ...rest]) => {
    const rig = opened(5).tell({ kind: 'head', seq: 9 });
    rig.page(after, head, ...rest);
    expect(rig.broken).toEqual([why]);
    expect(rig.passed).toEqual([]);
  });

  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('commit'), lost: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wire'), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('head'), back: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('answer'), most: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('fail') }) },
  );
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(700)), {
    minLength: 1,
    maxLength: 40,
  });

  it('F1-F5: lost, repeated, reordered, late pages: every event once, in order', () => {
    const property = fc.property(
      sizes,
      fc.nat(5),
      fc.array(step, { maxLength: 200 }),
      fc.boolean(),
      (lengths, before, steps, snapshotFirst) => {
        const world = new World(lengths, before, snapshotFirst);
        for (const each of steps) world.take(each);
        world.calm();
        expect(world.rig.passed).toEqual(world.expected());
        expect(world.rig.state.held).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 400 });
  });
});

type Step =
  | { readonly do: string; readonly lost: boolean }
  | { readonly do: string; readonly pick: number }
  | { readonly do: string; readonly back: number }
  | { readonly do: string; readonly most: number }
  | { readonly do: string };

/** A journal that grows, a wire that loses, and reads whose snapshot is of then or of now. */
class World {
  readonly rig = new Rig();
  private readonly journal: EventSegment[] = [];
  private committed: number;
  private readonly start: number;
  private wire: EventSegment[] = [];
  private snapshot: number | undefined;
  private checked = 0;

  constructor(
    lengths: readonly number[],
    before: number,
    private readonly snapshotFirst: boolean,
  ) {
    let seq = 1;
    for (const n of lengths) {
      this.journal.push(segment(seq, n));
      seq += n;
    }
    this.committed = Math.min(before, this.journal.length);
    this.start = this.head(this.committed);
    this.rig.tell({ kind: 'opened', head: this.start });
  }

  take(step: Step): void {
    if ('lost' in step) this.commit(step.lost);
    else if ('pick' in step) {
      const picked = this.wire[step.pick % Math.max(1, this.wire.length)];
      if (picked !== undefined) this.rig.tell({ kind: 'segment', segment: picked });
    } else if ('back' in step) {
      const seq = this.head(Math.max(0, this.committed - step.back));
      this.rig.tell({ kind: 'head', seq });
    } else if ('most' in step) this.answer(1 + step.most);
    else if (this.rig.state.reading) this.rig.tell({ kind: 'unread' });
    this.check();
  }

  /** Then calm, in which everything must finish: the head is said, and the journal answers. */
  calm(): void {
    const end = this.head(this.committed);
    for (let turn = 0; turn < 100 && this.rig.state.at !== end; turn++) {
      this.rig.tell({ kind: 'head', seq: end });
      this.answer(3);
      this.check();
    }
  }

  expected(): number[] {
    const end = this.head(this.committed);
    return Array.from({ length: end - this.start }, (_, i) => this.start + 1 + i);
  }

  private commit(lost: boolean): void {
    const next = this.journal[this.committed];
    if (next === undefined) return;
    this.committed++;
    if (!lost) this.wire.push(next);
  }

  private answer(most: number): void {
    if (!this.rig.state.reading) return;
    const after = this.rig.reads.at(-1) ?? 0;
    const visible = this.snapshotFirst ? (this.snapshot ?? this.committed) : this.committed;
    const rows = this.journal.slice(0, visible).filter(({ seq, n }) => seq + n > after + 1);
    this.snapshot = undefined;
    this.rig.page(after, this.head(visible), ...rows.slice(0, most));
    if (this.rig.state.reading) this.snapshot = this.committed;
  }

  private head(count: number): number {
    return this.journal.slice(0, count).reduce((sum, { n }) => sum + n, 0);
  }

  private check(): void {
    const { state, passed, broken } = this.rig;
    if (state.reading) this.snapshot ??= this.committed;
    expect(broken).toEqual([]);
    for (; this.checked < passed.length; this.checked++) {
      if (passed[this.checked] !== this.start + 1 + this.checked) {
        throw new Error(`passed on ${passed.slice(0, this.checked + 1).join(' ')}`);
      }
    }
    expect(state.heldEvents).toBeLessThanOrEqual(FOLLOW.heldEventsMax);
    expect(state.heldEvents).toBe(state.held.reduce((sum, { n }) => sum + n, 0));
  }
}
