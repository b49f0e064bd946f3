import { describe, expect, it } from 'vitest';
import type { LedgerMessage } from './messages.js';
import { restoreLedger } from './restore.js';
import {
  Bench,
  T,
  WORK,
  assign,
  cancel,
  ended,
  prepared,
  started,
  token,
  welcomed,
} from './testkit/bench.js';
import { mindsAnswers } from './unanswered.js';

const STOP_AFTER_MS = WORK.stopAfterMs ?? 0;
const unanswered = (unansweredMs: number): LedgerMessage => ({ kind: 'tick', unansweredMs });
/** Its words to runners alone. */
const stops = (bench: Bench, ...messages: readonly LedgerMessage[]) =>
  bench.tell(...messages).filter(({ kind }) => kind === 'stop');

function running(): Bench {
  const bench = prepared(new Bench(1), assign(), started);
  bench.now += 60_000;
  return bench;
}

describe('L9: nobody answers (3.6)', () => {
  it('is told to stop once, with its grace, when that is as long as it may be', () => {
    const bench = running();
    expect(stops(bench, unanswered(STOP_AFTER_MS - 1))).toEqual([]);
    expect(stops(bench, unanswered(STOP_AFTER_MS))).toEqual([
      {
        kind: 'stop',
        token: T,
        graceMs: WORK.graceMs,
        outcome: 'LOST',
        why: 'it stopped itself: no answer for 5 s',
      },
    ]);
    bench.now += 250;
    expect(stops(bench, unanswered(STOP_AFTER_MS + 250))).toEqual([]);
  });

  it('is counted anew from an answer; an assignment is none', () => {
    const bench = running();
    bench.tell(unanswered(STOP_AFTER_MS - 1));
    bench.now += 250;
    expect(stops(bench, unanswered(0))).toEqual([]);
    const late = new Bench(1);
    late.now += 1_999;
    late.tell(assign(), started);
    late.now += STOP_AFTER_MS - 1_999;
    expect(stops(late, unanswered(STOP_AFTER_MS))).toHaveLength(1);
  });

  it('starts once an answer is fresh: who assigns it may not hear us', () => {
    const bench = new Bench(1);
    bench.now += 2_000;
    expect(bench.say(assign())).toBe('persist accepted, send claimed');
    expect(bench.say(unanswered(2_000))).toBe('');
    expect(bench.say(unanswered(10))).toBe('persist started, start');
  });

  it('starts after a restart when somebody has answered this process', () => {
    const bench = prepared(new Bench(0), assign());
    bench.state = restoreLedger({ ...bench.state.options, slots: 1 }, bench.records);
    expect(bench.say({ kind: 'restored' })).toBe('');
    expect(bench.say({ kind: 'tick' })).not.toContain('start');
    expect(bench.say(unanswered(0))).toContain('persist started, start');
  });

  it('holds without a session as well, and its end is on disk', () => {
    const bench = running();
    bench.tell({ kind: 'unlinked' });
    expect(stops(bench, unanswered(STOP_AFTER_MS))).toHaveLength(1);
    expect(bench.say(ended)).toBe('persist ended');
  });

  it('leaves alone what never stops itself, and what is stopped sooner already', () => {
    const work = { ...WORK, stopAfterMs: null };
    const bench = prepared(new Bench(1), assign(T, { work }), started);
    bench.now += 60_000;
    expect(stops(bench, unanswered(60_000))).toEqual([]);
    expect(mindsAnswers(bench.state)).toBe(false);
    const other = prepared(running(), cancel());
    expect(mindsAnswers(other.state)).toBe(true);
    expect(stops(other, unanswered(STOP_AFTER_MS))).toEqual([]);
    expect(mindsAnswers(prepared(running(), ended).state)).toBe(false);
  });

  it('what an older process has accepted knows no such thing', () => {
    const { stopAfterMs: _, ...older } = WORK;
    const bench = prepared(new Bench(1), assign(T, { work: older as typeof WORK }), started);
    bench.now += 60_000;
    expect(stops(bench, unanswered(60_000))).toEqual([]);
    expect(mindsAnswers(bench.state)).toBe(false);
  });

  it('what waits for a slot goes back, and does not start when one is free', () => {
    const bench = backlog();
    bench.tell(unanswered(STOP_AFTER_MS - 1));
    bench.now += 1;
    // Before the next tick.
    expect(bench.say(ended)).toBe('persist ended, send SUCCEEDED, persist ended, send bounce');
    const waiting = backlog();
    const [, item] = waiting.tell(unanswered(STOP_AFTER_MS));
    expect(item).toMatchObject({ item: { kind: 'bounce', reason: 'no answer for 5 s' } });
    expect(waiting.say(ended)).toBe('persist ended, send SUCCEEDED');
  });

  it('what waits starts when its owner was heard meanwhile', () => {
    const bench = backlog();
    bench.tell(unanswered(STOP_AFTER_MS - 1));
    bench.tell(unanswered(0));
    bench.now += 1_999;
    expect(bench.say(ended)).toContain('persist started, start');
  });

  it('what was accepted by a former process has not arrived in this one', () => {
    const bench = backlog();
    bench.state = restoreLedger({ ...bench.state.options, slots: 0 }, bench.records);
    bench.now -= 3_600_000;
    bench.tell({ kind: 'restored' }, welcomed('s2'));
    expect(bench.state.waiting.size).toBe(1);
    bench.tell(unanswered(STOP_AFTER_MS - 1));
    expect(bench.state.waiting.size).toBe(1);
    bench.tell(unanswered(STOP_AFTER_MS));
    expect(bench.state.waiting.size).toBe(0);
  });
});

/** One slot, taken for good by what never stops itself, and one that waits for it. */
function backlog(): Bench {
  const bench = new Bench(1);
  bench.state = { ...bench.state, options: { ...bench.state.options, backlog: 1 } };
  bench.tell(assign(T, { work: { ...WORK, stopAfterMs: null } }), started, assign(token(11)));
  expect(bench.state.waiting.size).toBe(1);
  bench.now += 60_000;
  return bench;
}
