import { describe, expect, test } from 'vitest';
import type { PartitionMessage } from './messages.js';
import { PARKED, StepFailure } from './parking.js';
import { Rig } from './rig/rig.js';

const OPEN = ['GRANTED', 'RUNNING'] as const;
const why = 'it failed 3 times';

/** What every step that looks at its policy dies of. */
function poison(rig: Rig, run: string): void {
  for (const cell of [rig.rows.get(run), rig.state.cells.get(run)]) {
    if (cell !== undefined) cell.facts = { ...cell.facts, policy: undefined as never };
  }
}
function failureOf(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
function rigWith(...runs: readonly string[]): Rig {
  const rig = new Rig();
  for (const run of runs) rig.submit(run, { expires: rig.now + 5_000 });
  rig.commit();
  return rig;
}
function open(rig: Rig, run: string, state: (typeof OPEN)[number]): void {
  rig.match(run);
  rig.commit();
  if (state === 'RUNNING') rig.step({ kind: 'started', token: rig.tokenOf(run), agoMs: 0 });
  rig.commit();
}
function parked(rig: Rig, run: string): void {
  rig.crash({ [run]: PARKED });
  rig.step({ kind: 'park', run, reason: why });
  rig.commit();
  rig.sent.length = 0;
}

describe('what throws says whose failure it is', () => {
  test('a timer: the run whose time has come, not the one before it', () => {
    const rig = rigWith('a', 'b');
    poison(rig, 'b');
    const error = failureOf(() => rig.tick(6_000));
    expect(error).toBeInstanceOf(StepFailure);
    expect(error).toMatchObject({ run: 'b', at: { kind: 'tick' } });
  });

  test('a load: the run that cannot take its place', () => {
    const rig = rigWith('a', 'b');
    open(rig, 'b', 'RUNNING');
    poison(rig, 'b');
    expect(failureOf(() => rig.crash())).toMatchObject({ run: 'b', at: null });
  });

  test('a message of a run; and one that waited for the run to be read', () => {
    const rig = rigWith('a');
    open(rig, 'a', 'RUNNING');
    poison(rig, 'a');
    const said: PartitionMessage = {
      kind: 'cancel',
      inbox: 'c',
      run: 'a',
      reason: '',
      by: 'me',
    } as never;
    expect(failureOf(() => rig.step(said))).toMatchObject({ run: 'a', at: { kind: 'cancel' } });
    const late = rigWith('b');
    late.command('p', 'b', { kind: 'pause' });
    late.commit();
    poison(late, 'b');
    const expire = failureOf(() => late.tick(6_000));
    expect(expire).toMatchObject({ run: 'b', at: { kind: 'expire' } });
  });
});

describe('a run on the bench', () => {
  test('is left alone until its time is over, then takes its place; its sibling goes on', () => {
    const rig = rigWith('a', 'b');
    rig.crash({ a: rig.now + 1_000 });
    rig.match('a');
    rig.match('b');
    rig.command('c', 'a', { kind: 'pause' });
    rig.commit();
    expect(rig.soft).toContainEqual(expect.objectContaining({ kind: 'declined', run: 'a' }));
    expect([rig.cell('a').state, rig.cell('b').state]).toEqual(['READY', 'GRANTED']);
    // Who asked is not answered: the row stands for another time.
    expect([...rig.inbox]).toEqual(['c']);
    rig.tick(1_000);
    rig.match('a');
    rig.commit();
    expect(rig.cell('a').state).toBe('GRANTED');
  });

  test('what became due meanwhile is done then', () => {
    const rig = rigWith('a');
    rig.crash({ a: rig.now + 8_000 });
    rig.tick(6_000);
    rig.commit();
    expect(rig.cell('a').state).toBe('READY');
    rig.tick(2_000);
    rig.tick();
    rig.commit();
    expect(rig.cell('a').state).toBe('EXPIRED');
  });

  test.each(OPEN)('its %s attempt is neither stopped nor forgotten', (state) => {
    const rig = rigWith('a');
    open(rig, 'a', state);
    const token = rig.tokenOf('a');
    rig.crash({ a: rig.now + 1_000 });
    rig.sent.length = 0;
    rig.step({ kind: 'progress', token, percent: 1, message: '' });
    const entries = [{ token, phase: 'started' as const }];
    const watermark = { epoch: token.epoch, seq: token.seq };
    rig.step({ kind: 'digest', executor: 'x1', incarnation: 1, watermark, entries });
    rig.result(token);
    rig.tick();
    rig.commit();
    expect(rig.sent.map(({ kind }) => kind)).toEqual(['digested']);
    expect(rig.cell('a').state).toBe(state);
    rig.tick(1_000);
    rig.result(token);
    rig.commit();
    expect(rig.cell('a').state).toBe('SUCCEEDED');
  });

  test('nobody lets its executor forget it: its grant counts for the floor', () => {
    const rig = rigWith('a');
    open(rig, 'a', 'RUNNING');
    rig.sent.length = 0;
    rig.crash({ a: PARKED });
    expect(rig.sentOf('opened')).toEqual([{ kind: 'opened', token: rig.tokenOf('a') }]);
  });
});

describe('a parked run', () => {
  test('says so, stands in no line, and stays so whoever owns it', () => {
    const rig = rigWith('a', 'b');
    parked(rig, 'a');
    expect(rig.cell('a')).toMatchObject({ state: 'PAUSED', lane: null });
    expect(rig.cell('a').record).toMatchObject({
      parked: { reason: why, at: rig.now },
      paused: { from: 'READY', by: 'orrery', reason: why },
    });
    expect(rig.journal.at(-1)).toMatchObject({
      type: 'PAUSED',
      actor: 'orrery',
      data: { reason: why, parked: true },
    });
    rig.crash();
    rig.tick(60_000);
    rig.tick();
    rig.commit();
    expect([rig.cell('a').state, rig.cell('b').state]).toEqual(['PAUSED', 'EXPIRED']);
    expect([...rig.state.cells.keys()]).toEqual([]);
  });

  test.each(OPEN)('with a %s attempt keeps its state, and hears nothing', (state) => {
    const rig = rigWith('a');
    open(rig, 'a', state);
    const token = rig.tokenOf('a');
    parked(rig, 'a');
    for (const ms of [0, 100_000]) {
      rig.tick(ms);
      rig.result(token);
      rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
      rig.commit();
      rig.crash();
    }
    expect(rig.cell('a')).toMatchObject({ state, record: { parked: { reason: why } } });
    expect(rig.sentOf('ack')).toEqual([]);
    expect(rig.sentOf('stop')).toEqual([]);
  });

  test('resumed: it goes on where it was, also after a takeover', () => {
    const rig = rigWith('a');
    parked(rig, 'a');
    rig.crash();
    rig.command('r', 'a', { kind: 'resume' });
    rig.commit();
    expect(rig.answers.get('r')).toEqual({ ok: true, state: 'READY' });
    expect(rig.cell('a').record.parked).toBeUndefined();
    rig.match('a');
    rig.commit();
    expect(rig.cell('a').state).toBe('GRANTED');
    expect(rig.state.benched.size).toBe(0);
  });

  test('resumed while its attempt runs: its result counts again', () => {
    const rig = rigWith('a');
    open(rig, 'a', 'RUNNING');
    const token = rig.tokenOf('a');
    parked(rig, 'a');
    rig.command('r', 'a', { kind: 'resume' });
    rig.commit();
    expect(rig.answers.get('r')).toEqual({ ok: true, state: 'RUNNING' });
    expect(rig.types('a').slice(-2)).toEqual(['PAUSED', 'RESUMED']);
    rig.result(token);
    rig.commit();
    expect(rig.cell('a').state).toBe('SUCCEEDED');
  });

  test('cancelled: at once where nothing runs, else its executor is told', () => {
    const rig = rigWith('a', 'b');
    open(rig, 'b', 'RUNNING');
    const token = rig.tokenOf('b');
    for (const run of ['a', 'b']) {
      parked(rig, run);
      rig.cancel(`c${run}`, run);
      rig.commit();
    }
    expect([rig.cell('a').state, rig.cell('b').state]).toEqual(['CANCELLED', 'CANCELLING']);
    expect(rig.sentOf('stop')).toMatchObject([{ token }]);
    rig.result(token, 'CANCELLED');
    rig.commit();
    expect(rig.cell('b').state).toBe('CANCELLED');
    expect(rig.state.benched.size).toBe(0);
  });

  test('one that could not even be taken in is ours, and can be cancelled or resumed', () => {
    for (const [kind, state] of [
      ['cancel', 'CANCELLED'],
      ['resume', 'READY'],
    ] as const) {
      const rig = new Rig();
      rig.writeWith('a', {});
      parked(rig, 'a');
      expect(rig.types('a')).toEqual(['SUBMITTED', 'PAUSED']);
      expect(rig.inbox.size).toBe(0);
      rig.command('c', 'a', kind === 'cancel' ? { kind, graceMs: null, force: false } : { kind });
      rig.commit();
      expect(rig.cell('a').state).toBe(state);
    }
  });

  test('one that was to end as it was submitted does so when it is resumed', () => {
    const rig = new Rig();
    const given = { as: 'SUCCEEDED', by: 'ana', reason: 'by hand', result: '1', reusedFrom: null };
    rig.writeWith('a', { given: given as never });
    parked(rig, 'a');
    rig.command('r', 'a', { kind: 'resume' });
    rig.commit();
    expect(rig.cell('a').state).toBe('SUCCEEDED');
  });

  test('what was over before it could be parked is left', () => {
    const rig = rigWith('a');
    rig.cancel('c', 'a');
    rig.commit();
    parked(rig, 'a');
    expect(rig.cell('a').state).toBe('CANCELLED');
    expect(rig.state.benched.size).toBe(0);
  });
});
