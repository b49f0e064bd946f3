import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#actor';
import type { Ending, Token, Work } from '#core';
import { ledgerKey } from '#core';
import { Attempts } from './attempts.js';
import { type Attempt, type AttemptSink, endingOf } from './runner.js';
import { Wheel } from './wheel.js';

let clock: ManualClock;
let sink: AttemptSink;
let asked: string[];
let ending: Ending | undefined;
let attempts: Attempts;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  ending = undefined;
  const runner = {
    run: (_: Attempt, to: AttemptSink) => {
      sink = to;
      return {
        stop: () => void asked.push('stop'),
        kill: () => void asked.push('kill'),
        freeze: (on: boolean) => asked.push(on ? 'freeze' : 'thaw') > 0,
      };
    },
  };
  const events = {
    started: () => undefined,
    ended: (_: Attempt, how: Ending) => (ending = how),
    log: () => true,
    progress: () => undefined,
  };
  attempts = new Attempts(
    () => runner,
    events,
    new Wheel(clock),
    () => clock.elapsed(),
  );
});

function start(more: Partial<Work>): Token {
  const token = { run: 'r', attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq: 1 };
  const work: Work = {
    ...{ kind: 'SHELL', spec: '{}', params: null, project: 'p', job: 'j' },
    ...{ timeoutMs: 60_000, graceMs: 1_000, heartbeatMs: null, stopAfterMs: null },
    ...more,
  };
  const spec = { kind: 'shell', command: 'true' } as Attempt['spec'];
  attempts.start({ key: ledgerKey(token), partition: 0, token, work, spec, acceptedAt: 0 });
  return token;
}

describe('a heartbeat (1.8, R76)', () => {
  it('that is missed is a time-out with that reason', () => {
    start({ heartbeatMs: 1_000 });
    clock.advance(990);
    expect(asked).toEqual([]);
    clock.advance(60);
    expect(asked).toEqual(['stop']);
    sink.ended(endingOf('SUCCEEDED'));
    expect(ending).toMatchObject({
      outcome: 'TIMED_OUT',
      error: { message: 'it gave no sign of life for 1000 ms (heartbeat)' },
    });
  });

  it('is given by progress and by every line of the log', () => {
    start({ heartbeatMs: 1_000 });
    for (let i = 0; i < 10; i++) {
      clock.advance(800);
      if (i % 2 === 0) sink.progress(i, '');
      else sink.log('stdout', Buffer.from('x\n'));
    }
    expect(asked).toEqual([]);
    clock.advance(1_100);
    expect(asked).toEqual(['stop']);
  });

  it('leaves nothing behind when the attempt ends', () => {
    start({ heartbeatMs: 1_000 });
    sink.ended(endingOf('SUCCEEDED'));
    clock.advance(5_000);
    expect(asked).toEqual([]);
    expect(ending).toMatchObject({ outcome: 'SUCCEEDED' });
  });

  it('does not hurry an attempt that is told to stop already', () => {
    start({ heartbeatMs: 1_000, timeoutMs: 500, graceMs: 5_000 });
    clock.advance(2_000);
    expect(asked).toEqual(['stop']);
    sink.ended(endingOf('SUCCEEDED'));
    expect(ending?.error?.message).toBe('it ran longer than 500 ms');
  });
});

describe('the clocks of what is frozen (1.7)', () => {
  it('its time-out stands still, and goes on with what was left', () => {
    const token = start({ timeoutMs: 1_000 });
    clock.advance(600);
    attempts.freeze(token, true);
    clock.advance(10_000);
    attempts.freeze(token, true);
    clock.advance(10_000);
    attempts.freeze(token, false);
    clock.advance(375);
    expect(asked).toEqual(['freeze', 'freeze', 'thaw']);
    clock.advance(50);
    expect(asked.at(-1)).toBe('stop');
    sink.ended(endingOf('SUCCEEDED'));
    expect(ending?.error?.message).toBe('it ran longer than 1000 ms');
  });

  it.each([
    ['quiet since its start, it has what was left', false, 400],
    ['what it had written before is read meanwhile, and counts as of then', true, 1_000],
  ])('so does its heartbeat: %s', (_, isRead, leftMs) => {
    const token = start({ heartbeatMs: 1_000 });
    clock.advance(600);
    attempts.freeze(token, true);
    clock.advance(5_000);
    if (isRead) sink.log('stdout', Buffer.from('x\n'));
    clock.advance(5_000);
    attempts.freeze(token, false);
    clock.advance(leftMs - 25);
    expect(asked).toEqual(['freeze', 'thaw']);
    clock.advance(75);
    expect(asked.at(-1)).toBe('stop');
  });

  it('a second freeze begins where the first one ended', () => {
    const token = start({ timeoutMs: 1_000 });
    for (let i = 0; i < 3; i++) {
      clock.advance(300);
      attempts.freeze(token, true);
      clock.advance(5_000);
      attempts.freeze(token, false);
    }
    expect(asked).not.toContain('stop');
    clock.advance(150);
    expect(asked.at(-1)).toBe('stop');
  });

  it('told to stop, it has its grace and no more', () => {
    const token = start({});
    attempts.freeze(token, true);
    attempts.stop(token, 500, 'asked');
    clock.advance(600);
    expect(asked).toEqual(['freeze', 'stop', 'kill']);
    expect(attempts.freeze(token, false)).toBe(false);
  });

  it('ended, it leaves nothing behind', () => {
    const token = start({ timeoutMs: 1_000, heartbeatMs: 1_000 });
    attempts.freeze(token, true);
    sink.ended(endingOf('FAILED'));
    expect(attempts.freeze(token, false)).toBe(false);
    clock.advance(5_000);
    expect(asked).toEqual(['freeze']);
  });
});
