import { beforeEach, describe, expect, test } from 'vitest';
import type { Policy, RunFacts } from '../run/run.js';
import { Rig } from './rig/rig.js';
import { LIMITS } from './state.js';

const { resendMs } = LIMITS;
/** Time-out, grace and slack of the backstop. */
const BACKSTOP_MS = 60_000 + 10_000 + 5_000;
let rig: Rig;
let commands = 0;

beforeEach(() => {
  rig = new Rig();
});

function running(facts: Partial<RunFacts> = {}, policy: Partial<Policy> = {}): void {
  rig.submit('r', facts, policy);
  rig.match('r');
  rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
  rig.commit();
}
function ask(kind: 'freeze' | 'resume' | 'pause'): unknown {
  const id = `c${++commands}`;
  rig.command(id, 'r', { kind });
  rig.commit();
  return rig.answers.get(id);
}
function cancel(): void {
  rig.cancel(`c${++commands}`, 'r');
  rig.commit();
}
/** What the executor was told last, and how often it was told anything of this. */
const said = () => rig.sentOf('freeze');
function confirm(): void {
  const last = said().at(-1);
  if (last === undefined) throw new Error('nothing was said');
  rig.step({ kind: 'froze', token: last.token, seq: last.seq });
  rig.commit();
}
const later = (ms: number): void => {
  rig.tick(ms);
  rig.commit();
};
const RUNNING = { ok: true, state: 'RUNNING' };

test('the backstop waits for the word of a thaw: what nobody has heard of is not late', () => {
  running({}, { lostAfterMs: null });
  ask('freeze');
  confirm();
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  rig.commit();
  ask('resume');
  later(BACKSTOP_MS * 2);
  expect(rig.cell('r').state).toBe('UNKNOWN');
  confirm();
  later(BACKSTOP_MS + 1);
  expect(rig.cell('r').state).toBe('CANCELLING');
});

describe('a freeze (1.7)', () => {
  test('is refused of what does not run, and of a kind that cannot', () => {
    rig.submit('r');
    rig.commit();
    expect(ask('freeze')).toEqual({ ok: false, code: 'RUN_NOT_RUNNING', state: 'READY' });
    rig.match('r');
    rig.commit();
    expect(ask('freeze')).toEqual({ ok: false, code: 'RUN_NOT_RUNNING', state: 'GRANTED' });
    rig.result(rig.tokenOf('r'));
    rig.commit();
    expect(ask('freeze')).toEqual({ ok: false, code: 'RUN_FINAL', state: 'SUCCEEDED' });
    for (const kind of ['FUNCTION', 'HTTP'] as const) {
      rig = new Rig();
      running({ kind });
      expect(ask('freeze')).toEqual({ ok: false, code: 'CANNOT_FREEZE', state: 'RUNNING' });
    }
    expect(said()).toEqual([]);
  });

  test('is refused of what is silent or told to stop', () => {
    running();
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    rig.commit();
    expect(ask('freeze')).toEqual({ ok: false, code: 'RUN_NOT_RUNNING', state: 'UNKNOWN' });
    cancel();
    expect(ask('freeze')).toEqual({ ok: false, code: 'RUN_NOT_RUNNING', state: 'CANCELLING' });
  });

  test('leaves it RUNNING, and says by whom and why; a second one changes nothing', () => {
    running();
    const token = rig.tokenOf('r');
    expect(ask('freeze')).toEqual(RUNNING);
    const { seq } = rig.journal.at(-1) ?? { seq: -1 };
    expect(rig.journal.at(-1)).toMatchObject({
      type: 'PAUSED',
      actor: 'me',
      data: { how: 'FREEZE', reason: 'asked' },
    });
    const freeze = { on: true, seq, by: 'me', reason: 'asked', at: rig.now };
    expect(rig.rows.get('r')?.record.freeze).toEqual(freeze);
    expect(said()).toEqual([{ kind: 'freeze', token, on: true, seq }]);
    expect(ask('freeze')).toEqual({ ...RUNNING, same: true });
    expect(rig.types('r').filter((type) => type === 'PAUSED')).toHaveLength(1);
    expect(ask('pause')).toEqual({ ok: false, code: 'RUN_STARTED', state: 'RUNNING' });
  });

  test('stands in the record as the lists look for it', () => {
    running();
    ask('freeze');
    expect(JSON.stringify(rig.cell('r').record)).toContain('"freeze":{"on":true');
  });

  test('is restated until it is confirmed, and not after', () => {
    running();
    ask('freeze');
    later(resendMs - 1);
    expect(said()).toHaveLength(1);
    later(1);
    later(resendMs);
    expect(said()).toHaveLength(3);
    confirm();
    later(resendMs);
    expect(said()).toHaveLength(3);
  });

  test('a confirmation of another word, or of another token, is none', () => {
    running();
    ask('freeze');
    const [first] = said();
    if (first === undefined) throw new Error('nothing was said');
    ask('resume');
    rig.step({ kind: 'froze', token: first.token, seq: first.seq });
    const other = { ...first.token, seq: first.token.seq + 99 };
    rig.step({ kind: 'froze', token: other, seq: said().at(-1)?.seq ?? 0 });
    later(resendMs);
    expect(said().map(({ on }) => on)).toEqual([true, false, false]);
  });

  test('is not said to one that is silent, and again when it is heard', () => {
    running();
    ask('freeze');
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    later(resendMs);
    expect(said()).toHaveLength(1);
    expect(rig.cell('r').state).toBe('UNKNOWN');
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 5_000 });
    later(resendMs);
    expect(said()).toHaveLength(2);
    later(BACKSTOP_MS * 2);
    expect(rig.cell('r').state).toBe('RUNNING');
  });
});

describe('a thaw', () => {
  test('is an event, is restated until it is confirmed, and leaves nothing behind then', () => {
    running();
    expect(ask('resume')).toEqual({ ok: false, code: 'RUN_NOT_PAUSED', state: 'RUNNING' });
    ask('freeze');
    confirm();
    expect(ask('resume')).toEqual(RUNNING);
    expect(rig.journal.at(-1)).toMatchObject({
      type: 'RESUMED',
      actor: 'me',
      data: { how: 'FREEZE', reason: 'asked' },
    });
    expect(ask('resume')).toEqual({ ok: false, code: 'RUN_NOT_PAUSED', state: 'RUNNING' });
    later(resendMs);
    expect(said().map(({ on }) => on)).toEqual([true, false, false]);
    confirm();
    expect(rig.rows.get('r')?.record.freeze).toBeUndefined();
    later(resendMs);
    expect(said()).toHaveLength(3);
  });

  test('may be followed by another freeze, whose word is the newer one', () => {
    running();
    ask('freeze');
    ask('resume');
    expect(ask('freeze')).toEqual(RUNNING);
    const seqs = said().map(({ seq }) => seq);
    expect(seqs).toHaveLength(3);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  test("gives the server's backstop its whole time again, also over a takeover", () => {
    running();
    later(50_000);
    ask('freeze');
    confirm();
    later(BACKSTOP_MS * 3);
    expect(rig.cell('r').state).toBe('RUNNING');
    ask('resume');
    confirm();
    later(BACKSTOP_MS - 1);
    expect(rig.cell('r').state).toBe('RUNNING');
    rig.crash();
    later(0);
    expect(rig.cell('r').state).toBe('RUNNING');
    later(1);
    expect(rig.cell('r').state).toBe('CANCELLING');
  });
});

describe('a takeover', () => {
  test('says the freeze anew, until it is confirmed to the new owner', () => {
    running();
    ask('freeze');
    confirm();
    rig.crash();
    later(0);
    expect(said()).toHaveLength(2);
    expect(said()[1]).toEqual(said()[0]);
    later(BACKSTOP_MS * 2);
    expect(rig.cell('r').state).toBe('RUNNING');
    confirm();
    const before = said().length;
    later(resendMs);
    expect(said()).toHaveLength(before);
  });

  test('says a thaw anew that was not confirmed', () => {
    running();
    ask('freeze');
    confirm();
    ask('resume');
    rig.crash();
    later(0);
    expect(said().map(({ on }) => on)).toEqual([true, false, false]);
    confirm();
    expect(rig.rows.get('r')?.record.freeze).toBeUndefined();
    rig.crash();
    later(resendMs);
    expect(said()).toHaveLength(3);
  });
});

describe('what is frozen goes on as before', () => {
  test('cancel: told to stop, and no more to stand still', () => {
    running();
    ask('freeze');
    cancel();
    expect(rig.sent.at(-1)).toMatchObject({ kind: 'stop', graceMs: 10_000 });
    later(resendMs);
    expect(said()).toHaveLength(1);
    rig.crash();
    later(resendMs);
    expect(said()).toHaveLength(1);
    rig.result(rig.tokenOf('r'), 'CANCELLED');
    rig.commit();
    expect(rig.history.get('r')).toMatchObject({ state: 'CANCELLED' });
    expect(rig.history.get('r')?.record.freeze).toBeUndefined();
  });

  test('its deadline', () => {
    running({ expires: rig.now + 9_000 }, { deadlineMs: 9_000 });
    ask('freeze');
    later(9_000);
    expect(rig.cell('r').state).toBe('CANCELLING');
    expect(rig.cell('r').record.freeze).toBeUndefined();
  });

  test('silence: LOST, and the next attempt is not frozen', () => {
    running();
    ask('freeze');
    confirm();
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    later(10_000);
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
    expect(rig.rows.get('r')?.record.freeze).toBeUndefined();
    later(60_000);
    rig.match('r');
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
    rig.commit();
    later(resendMs);
    expect(said()).toHaveLength(1);
  });

  test('its end: the next attempt knows neither of the freeze nor of the thaw', () => {
    running();
    ask('freeze');
    ask('resume');
    confirm();
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    expect(rig.rows.get('r')?.record).not.toHaveProperty('thawedAt');
  });
});
