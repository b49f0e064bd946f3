import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

const HOLD = { by: 'ana', reason: 'the disk is full' };
const OF_JOB = { job: 'j' };

/** Each page that is read asks for the next one in a commit of its own. */
function settle(rig: Rig): void {
  for (let i = 0; i < 12; i++) rig.commit();
}
function pause(rig: Rig, inbox = 'h1'): void {
  rig.hold(inbox, 'j', HOLD);
  rig.commit();
}
function resume(rig: Rig, inbox = 'h2'): void {
  rig.hold(inbox, 'j', null);
  settle(rig);
}
function states(rig: Rig): Record<string, string> {
  const cells = [...rig.rows, ...rig.history];
  return Object.fromEntries(cells.map(([id, cell]) => [id, cell.state]));
}

describe('a paused job', () => {
  test('starts nothing that waits: what is ready is held, and says by whom and why', () => {
    const rig = new Rig();
    rig.submit('a', OF_JOB);
    rig.submit('b');
    rig.commit();
    rig.soft.length = 0;
    pause(rig);
    expect(states(rig)).toEqual({ a: 'PAUSED', b: 'READY' });
    expect(rig.cell('a').record.paused).toMatchObject({ ...HOLD, job: true });
    expect(rig.soft.map(({ kind }) => kind)).toEqual(['withdraw']);
    expect(rig.answers.get('h1')).toEqual({ ok: true, state: null });
    expect(rig.inbox.size).toBe(0);
    rig.match('a');
    rig.match('b');
    rig.commit();
    expect(states(rig)).toEqual({ a: 'PAUSED', b: 'GRANTED' });
  });

  test('holds what is submitted, what comes due, what is retried and what bounces', () => {
    const rig = new Rig();
    rig.submit('due', { ...OF_JOB, due: rig.now + 5_000 });
    for (const id of ['retried', 'bounced']) {
      rig.submit(id, OF_JOB);
      rig.match(id);
    }
    rig.commit();
    pause(rig);
    // What runs goes on.
    expect(states(rig)).toEqual({ due: 'SCHEDULED', retried: 'GRANTED', bounced: 'GRANTED' });
    rig.submit('new', OF_JOB);
    rig.result(rig.tokenOf('retried'), 'FAILED');
    rig.step({ kind: 'bounce', token: rig.tokenOf('bounced'), reason: 'full' });
    rig.tick(10_000);
    rig.commit();
    const all = { due: 'PAUSED', retried: 'PAUSED', bounced: 'PAUSED', new: 'PAUSED' };
    expect(states(rig)).toEqual(all);
    // And after a takeover as before it, in no memory but the rows'.
    rig.crash();
    rig.tick(10_000);
    rig.commit();
    expect(states(rig)).toEqual(all);
    expect(rig.state.cells.size).toBe(0);
  });

  test('goes on: what it held is in line by the rank it had', () => {
    const rig = new Rig();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (const id of ids) {
      rig.submit(id, OF_JOB);
      rig.now += 10;
    }
    rig.commit();
    const ranks = ids.map((id) => rig.cell(id).rank);
    pause(rig);
    rig.now += 60_000;
    resume(rig);
    expect(ids.map((id) => rig.cell(id).state)).toEqual(ids.map(() => 'READY'));
    expect(ids.map((id) => rig.cell(id).rank)).toEqual(ranks);
    expect(rig.inbox.size).toBe(0);
    expect(rig.answers.get('h2')).toEqual({ ok: true, state: null });
  });

  test('and a crash in the middle of going on leaves none behind', () => {
    const rig = new Rig({ lazyReads: true });
    for (const id of ['a', 'b', 'c', 'd', 'e']) rig.submit(id, OF_JOB);
    rig.commit();
    rig.hold('h1', 'j', HOLD);
    rig.commit();
    rig.read();
    rig.commit();
    rig.hold('h2', 'j', null);
    rig.commit();
    rig.read();
    rig.commit();
    rig.read();
    rig.commit();
    // A page of two has been let go; the row is still there, and brings the rest.
    expect(Object.values(states(rig)).filter((state) => state === 'READY')).toHaveLength(2);
    expect(rig.inbox.has('h2')).toBe(true);
    rig.crash();
    rig.step({ kind: 'job-changed', inbox: 'h2', job: 'j' });
    for (let i = 0; i < 8; i++) {
      rig.commit();
      rig.read();
    }
    rig.commit();
    expect(new Set(Object.values(states(rig)))).toEqual(new Set(['READY']));
    expect(rig.inbox.size).toBe(0);
  });

  test('rows that come in another order leave the job as it is now', () => {
    const rig = new Rig();
    rig.submit('a', OF_JOB);
    rig.commit();
    rig.holds.set('j', HOLD);
    rig.inbox.add('h1');
    // The pause was written first, but the resume is met first.
    rig.hold('h2', 'j', null);
    rig.commit();
    rig.step({ kind: 'job-changed', inbox: 'h1', job: 'j' });
    rig.commit();
    expect(states(rig)).toEqual({ a: 'READY' });
    expect(rig.state.holds.size).toBe(0);
  });

  for (const count of [1, 3]) {
    test(`one of ${count} that changes while they are read is let go as it is then`, () => {
      const rig = new Rig({ lazyReads: true });
      const ids = ['a', 'b', 'c'].slice(0, count);
      for (const id of ids) rig.submit(id, OF_JOB);
      rig.commit();
      rig.hold('h1', 'j', HOLD);
      rig.commit();
      rig.read();
      rig.commit();
      rig.hold('h2', 'j', null);
      rig.command('c1', 'a', { kind: 'update', change: { priority: 1 } });
      rig.commit();
      // The job, then the run that is changed; the page was read before that was written.
      for (let i = 0; i < 3; i++) rig.read();
      for (let i = 0; i < 12; i++) {
        rig.commit();
        rig.read();
      }
      rig.commit();
      expect(states(rig)).toEqual(Object.fromEntries(ids.map((id) => [id, 'READY'])));
      expect(rig.cell('a').facts.priority).toBe(1);
      expect(rig.inbox.size).toBe(0);
    });
  }

  test('keeps what a person paused as well, and lets nobody resume one of its runs', () => {
    const rig = new Rig();
    rig.submit('mine', OF_JOB);
    rig.submit('its', OF_JOB);
    rig.commit();
    pause(rig);
    rig.command('c1', 'its', { kind: 'resume' });
    rig.command('c2', 'mine', { kind: 'pause' });
    settle(rig);
    expect(rig.answers.get('c1')).toEqual({ ok: false, code: 'JOB_PAUSED', state: 'PAUSED' });
    expect(rig.answers.get('c2')).toEqual({ ok: true, state: 'PAUSED' });
    resume(rig);
    expect(states(rig)).toEqual({ mine: 'PAUSED', its: 'READY' });
    // A run that goes on while its job does not is held by the job then.
    pause(rig, 'h3');
    rig.command('c3', 'mine', { kind: 'resume' });
    settle(rig);
    expect(rig.cell('mine').record.paused).toMatchObject({ job: true });
    resume(rig, 'h4');
    expect(states(rig)).toEqual({ mine: 'READY', its: 'READY' });
  });

  test('what is put off meanwhile waits for its time when the job goes on (2.6)', () => {
    const rig = new Rig();
    rig.submit('a', OF_JOB);
    rig.commit();
    pause(rig);
    rig.command('c1', 'a', { kind: 'update', change: { afterMs: 60_000 } });
    settle(rig);
    resume(rig);
    rig.match('a');
    rig.commit();
    expect(states(rig)).toEqual({ a: 'SCHEDULED' });
    rig.tick(60_000);
    rig.commit();
    expect(states(rig)).toEqual({ a: 'READY' });
  });

  test('takes the late result of an attempt that ended by silence (1.4)', () => {
    const rig = new Rig();
    rig.submit('a', OF_JOB);
    rig.match('a');
    rig.step({ kind: 'started', token: rig.tokenOf('a'), agoMs: 0 });
    rig.commit();
    const token = rig.tokenOf('a');
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    rig.tick(10_000);
    rig.commit();
    pause(rig);
    rig.tick(60_000);
    rig.commit();
    expect(states(rig)).toEqual({ a: 'PAUSED' });
    rig.result(token);
    settle(rig);
    expect(states(rig)).toEqual({ a: 'SUCCEEDED' });
  });

  test('a row that is swept again while its job goes on is applied once', () => {
    const rig = new Rig({ lazyReads: true, limits: { applied: 2 } });
    for (const id of ['a', 'b', 'c']) rig.submit(id, OF_JOB);
    rig.commit();
    rig.hold('h1', 'j', HOLD);
    rig.commit();
    rig.read();
    rig.commit();
    rig.hold('h2', 'j', null);
    for (const id of ['x', 'y', 'z']) rig.submit(id);
    rig.commit();
    rig.step({ kind: 'job-changed', inbox: 'h2', job: 'j' });
    for (let i = 0; i < 12; i++) {
      rig.commit();
      rig.read();
    }
    rig.commit();
    expect(rig.inbox.size).toBe(0);
    expect(new Set(Object.values(states(rig)))).toEqual(new Set(['READY']));
  });

  test('a start deadline passes in a pause as well (1.8)', () => {
    const rig = new Rig();
    rig.submit('a', { ...OF_JOB, expires: rig.now + 1_000 });
    rig.commit();
    pause(rig);
    rig.tick(2_000);
    rig.commit();
    expect(states(rig)).toEqual({ a: 'EXPIRED' });
  });

  test('with more in line than one step may change, all of it is held, and nothing starts', () => {
    const rig = new Rig({ limits: { transitions: 3 } });
    for (let i = 0; i < 10; i++) rig.submit(`r${i}`, OF_JOB);
    rig.commit();
    pause(rig);
    const held = (): number => Object.values(states(rig)).filter((s) => s === 'PAUSED').length;
    expect(held()).toBe(3);
    for (let i = 0; i < 10; i++) rig.match(`r${i}`);
    rig.commit();
    expect(Object.values(states(rig))).not.toContain('GRANTED');
    for (let i = 0; i < 3; i++) {
      rig.tick(1);
      rig.commit();
    }
    expect(held()).toBe(10);
  });

  test('behind a window its runs are met when they are read', () => {
    const rig = new Rig({ limits: { window: 3, windowLow: 2 } });
    for (let i = 0; i < 12; i++) rig.submit(`r${String(i).padStart(2, '0')}`, OF_JOB);
    rig.submit('s', {});
    rig.commit();
    pause(rig);
    settle(rig);
    expect(rig.cell('s').state).toBe('READY');
    expect([...rig.state.cells.keys()]).toEqual(['s']);
    expect(Object.values(states(rig)).filter((s) => s === 'PAUSED')).toHaveLength(12);
    resume(rig);
    expect(new Set(Object.values(states(rig)))).toEqual(new Set(['READY']));
  });
});
