import { describe, expect, it } from 'vitest';
import type { LedgerDown, LedgerMessage, Verdict } from './messages.js';
import { restoreLedger, snapshotLedger } from './restore.js';
import { LEDGER_LIMITS } from './state.js';
import {
  Bench,
  DONE,
  PHASES,
  type Phase,
  T,
  WORK,
  ack,
  askDigest,
  assign,
  cancel,
  down,
  ended,
  freeze,
  from,
  nameOf,
  prepared,
  started,
  token,
  welcomed,
} from './testkit/bench.js';

describe('L6: what is not taken', () => {
  const cases: Readonly<Record<string, readonly [LedgerMessage, string]>> = {
    'another session': [down({ ...from, kind: 'askDigest' }, 's0'), 'other-session'],
    'a sender below the token': [assign(token(10, { epoch: 6 })), 'sender-below-token'],
    'a floor above its sender': [assign(T, { floor: { epoch: 6, seq: 0 } }), 'floor-above-sender'],
    'an older incarnation': [assign(token(10, { incarnation: 0 })), 'other-incarnation'],
    'a newer incarnation': [cancel(token(10, { incarnation: 2 })), 'other-incarnation'],
    'another executor': [assign(token(10, { executor: 'y' })), 'other-incarnation'],
    'an assignment below the floor': [assign(T, { floor: { epoch: 5, seq: 11 } }), 'below-floor'],
    'a cancel below the floor': [cancel(T, { floor: { epoch: 5, seq: 11 } }), 'below-floor'],
  };
  for (const [name, [message, why]] of Object.entries(cases)) {
    it(name, () => {
      const bench = new Bench(1);
      expect(bench.say(message)).toBe(`refused ${why}`);
      expect(bench.records.filter(({ kind }) => kind !== 'identity')).toEqual([]);
    });
  }

  it('takes nothing before the welcome and after the link is down', () => {
    const bench = new Bench(1);
    bench.tell({ kind: 'unlinked' });
    expect(bench.say(assign())).toBe('refused other-session');
  });

  it('ignores a welcome of an older incarnation', () => {
    const bench = new Bench(1);
    bench.tell(welcomed('s1', 4));
    expect(bench.say(welcomed('s2', 3))).toBe('refused other-incarnation');
    expect(bench.state).toMatchObject({ incarnation: 4, session: 's1' });
  });
});

describe('the ledger, in sequence', () => {
  it('L3: answers a token that a digest promised to refuse with a bounce', () => {
    const bench = prepared(new Bench(1), assign(token(20)), askDigest);
    expect(bench.say(assign())).toBe('persist ended, send bounce');
  });

  it('L3: does not start what was accepted and fell below the floor meanwhile', () => {
    const bench = prepared(new Bench(1), assign(token(9)));
    Object.assign(bench.state.options, { backlog: 5 });
    bench.tell(assign());
    bench.tell(down({ ...from, floor: { epoch: 5, seq: 50 }, kind: 'askDigest' }));
    const effects = bench.say({ kind: 'ended', partition: 3, token: token(9), ending: DONE });
    expect(effects).toBe('persist ended, send SUCCEEDED, persist ended, send bounce');
  });

  it('bounces when full, and when draining, in words', () => {
    const bench = prepared(new Bench(1), assign(token(9)));
    const [, full] = bench.tell(assign());
    expect(full).toMatchObject({
      item: { kind: 'bounce', reason: expect.stringMatching(/full/) as string },
    });
    bench.tell({ kind: 'draining', on: true });
    const [, draining] = bench.tell(assign(token(11)));
    expect(draining).toMatchObject({
      item: { reason: expect.stringMatching(/draining/) as string },
    });
  });

  it('rejects what can run nowhere, without a start', () => {
    const error = { class: 'SPEC_INVALID', message: 'm', code: null, stack: null, retryMs: null };
    const bench = new Bench(1, () => ({ kind: 'reject', error }));
    const effects = bench.tell(assign());
    expect(effects.map(nameOf)).toEqual(['persist ended', 'send REJECTED']);
    expect(effects[1]).toMatchObject({ item: { startedAgoMs: null, error } });
  });

  it('starts what waits when a slot is free, in order', () => {
    const bench = prepared(new Bench(1), assign());
    Object.assign(bench.state.options, { backlog: 5 });
    bench.tell(assign(token(11)), assign(token(12)));
    const effects = bench.tell(started, ended);
    const starts = effects.flatMap((each) => (each.kind === 'start' ? [each.token.seq] : []));
    expect(starts).toEqual([11]);
  });

  it('stops once, and again only for a shorter grace', () => {
    const bench = prepared(new Bench(1), assign());
    expect(bench.say(cancel())).toBe('stop');
    expect(bench.say(cancel())).toBe('');
    expect(bench.say(cancel(T, { graceMs: 0 } as Partial<LedgerDown>))).toBe('stop');
  });

  it('a freeze: each time it is said, and never by an older word that comes late', () => {
    const bench = prepared(new Bench(1), assign());
    expect(bench.tell(freeze(true, 20))).toEqual([
      { kind: 'freeze', partition: 3, token: T, on: true, seq: 20 },
    ]);
    expect(bench.say(freeze(true, 20))).toBe('freeze');
    expect(bench.tell(freeze(false, 21))[0]).toMatchObject({ on: false, seq: 21 });
    expect(bench.say(freeze(true, 20))).toBe('refused older-word');
    expect(bench.say(freeze(true, 30, token(11)))).toBe('refused unknown');
  });

  it('what is to be given back goes on when it has started, and never starts when not', () => {
    const bench = prepared(new Bench(1), assign(), started);
    expect(bench.say(cancel(T, { why: 'give-back' }))).toBe('');
    const waiting = prepared(new Bench(0), assign());
    expect(waiting.say(cancel(T, { why: 'give-back' }))).toBe('persist ended, send CANCELLED');
    expect(new Bench(1).say(cancel(T, { why: 'give-back' }))).toBe('persist ended, send CANCELLED');
  });

  it('a cancel for its time-out ends as that', () => {
    const [stop] = prepared(new Bench(1), assign()).tell(cancel(T, { why: 'timeout' }));
    expect(stop).toMatchObject({ kind: 'stop', outcome: 'TIMED_OUT' });
  });

  it('a freeze before the start is kept, and follows the start', () => {
    const bench = prepared(new Bench(0), assign());
    expect(bench.say(freeze())).toBe('');
    bench.state = { ...bench.state, options: { ...bench.state.options, slots: 1 } };
    expect(bench.say({ kind: 'restored' })).toBe('persist started, start, freeze');
  });

  it('L8: restates a digest each second until that very digest is answered', () => {
    const bench = prepared(new Bench(2), assign(), welcomed('s2'));
    const tick: LedgerMessage = { kind: 'tick' };
    const to2 = (item: LedgerDown): LedgerMessage => down(item, 's2');
    bench.now += 999;
    expect(bench.say(tick)).toBe('');
    bench.tell(to2({ ...from, kind: 'assign', token: token(12), work: WORK }));
    bench.now += 1;
    expect(bench.say(tick)).toBe('persist promise, send digest');
    bench.tell(to2({ ...from, kind: 'digested', watermark: { epoch: 5, seq: 10 } }));
    bench.now += 1_000;
    expect(bench.say(tick)).toBe('send digest');
    bench.tell(to2({ ...from, kind: 'digested', watermark: { epoch: 5, seq: 12 } }));
    bench.now += 1_000;
    expect(bench.say(tick)).toBe('');
  });

  it('L8: restates a report ever more rarely, and at once to a newer owner', () => {
    const bench = prepared(new Bench(1), assign(), started, ended);
    const sentAt: number[] = [];
    for (let s = 1; s <= 20; s++) {
      bench.now += 1_000;
      if (bench.say({ kind: 'tick' }) !== '') sentAt.push(s);
    }
    expect(sentAt).toEqual([1, 3, 7, 15]);
    bench.tell(down({ ...from, epoch: 6, kind: 'digested', watermark: { epoch: 0, seq: 0 } }));
    expect(bench.say({ kind: 'tick' })).toBe('send SUCCEEDED');
  });

  it('L7: a promise takes the place of tombstones that a low floor would keep', () => {
    const bench = prepared(new Bench(2), assign(token(1)));
    for (let seq = 2; seq < LEDGER_LIMITS.tombstonesMax * 3; seq++) {
      const t = token(seq);
      bench.tell(assign(t), { kind: 'ended', partition: 3, token: t, ending: DONE });
      bench.tell(ack('result', t));
    }
    const partition = bench.state.partitions.get(3);
    expect(partition?.tombstones.size).toBeLessThanOrEqual(LEDGER_LIMITS.tombstonesMax * 2);
    expect(bench.say(assign(token(2)))).toBe('persist ended, send bounce');
  });

  it('L5: forgets tombstones below the floor once the floor is on disk', () => {
    const bench = new Bench(1);
    for (let seq = 1; seq <= LEDGER_LIMITS.sweepMin; seq++) {
      const t = token(seq);
      const floor = { epoch: 5, seq };
      const effects = bench.tell(assign(t, { floor }), { ...ended, token: t } as LedgerMessage);
      const isLast = seq === LEDGER_LIMITS.sweepMin;
      const kinds = effects.map(nameOf);
      expect(kinds.includes('persist floor')).toBe(isLast);
      bench.tell(ack('result', t));
    }
    expect(bench.state.partitions.get(3)?.tombstones.size).toBe(1);
  });

  it('L4: another life of the cluster takes its reports and floors with it', () => {
    const bench = prepared(new Bench(1), assign(), started, ended);
    bench.tell(welcomed('s2', 1, 'c2'));
    expect(bench.state).toMatchObject({ outbox: 0, running: 0, cluster: 'c2' });
    expect(bench.state.partitions.size).toBe(0);
    expect(restoreLedger(bench.state.options, bench.records).partitions.size).toBe(0);
  });

  it('an accepted token starts after a restart, unless it can no longer run here', () => {
    const work = { ...WORK, stopAfterMs: null };
    const bench = prepared(new Bench(0), assign(T, { work }));
    const options = { ...bench.state.options, slots: 1 };
    bench.state = restoreLedger(options, bench.records);
    expect(bench.say({ kind: 'restored' })).toBe('persist started, start');
    const judge = (): Verdict => ({ kind: 'bounce', reason: 'no handler' });
    bench.state = restoreLedger({ ...options, judge }, bench.records.slice(0, -1));
    expect(bench.say({ kind: 'restored' })).toBe('persist ended');
    expect(bench.state.outbox).toBe(1);
  });

  it('L2: a tombstone survives a restart, by records and by a snapshot', () => {
    const bench = PHASES.tombstone();
    const { options } = bench.state;
    const restored = restoreLedger(options, bench.records);
    for (const state of [restored, restoreLedger(options, snapshotLedger(restored))]) {
      bench.state = state;
      bench.tell(welcomed('s2'));
      expect(bench.say({ ...assign(), session: 's2' } as LedgerMessage)).toBe('refused tombstone');
    }
  });

  it('durations come from the machine and are never negative', () => {
    const bench = prepared(new Bench(1), assign(), started);
    bench.now += 700;
    bench.tell(ended);
    bench.now += 1_100;
    const [report] = bench.tell({ kind: 'tick' });
    expect(report).toMatchObject({ item: { startedAgoMs: 1_800, finishedAgoMs: 1_100 } });
    bench.now -= 10_000;
    expect(bench.tell(assign())[0]).toMatchObject({ item: { startedAgoMs: 0, finishedAgoMs: 0 } });
  });
});

describe('a snapshot', () => {
  for (const phase of Object.keys(PHASES) as Phase[]) {
    it(`restores what the records restore: ${phase}`, () => {
      const bench = PHASES[phase]();
      const restored = restoreLedger(bench.state.options, bench.records);
      const again = restoreLedger(bench.state.options, snapshotLedger(restored));
      expect([...snapshotLedger(again)]).toEqual([...snapshotLedger(restored)]);
      expect(again).toMatchObject({ running: restored.running, outbox: restored.outbox });
      expect(again.waiting.size).toBe(restored.waiting.size);
    });
  }
});
