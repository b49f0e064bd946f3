import { describe, expect, it, vi } from 'vitest';
import { RUN_STATES } from '#core';
import type { TestRun } from '../../testkit/owner.js';
import { GatewaySuite } from '../../testkit/suite.js';
import { LabelledRuns } from './testkit/labelled-runs.js';

const suite = new GatewaySuite();
const AT = Date.parse('2026-11-21T12:00:00.000Z');
const FREEZE = { seq: 9, by: 'ada', reason: 'the disk is full', at: AT };

/** It runs, and its attempt was told to stand still, or to go on again. */
async function runs(run: TestRun, on: boolean, state = 'RUNNING'): Promise<TestRun> {
  await suite.owner.open(run, 'x');
  const record = JSON.stringify({ attempts: [], seqs: [1], freeze: { on, ...FREEZE } });
  const code = RUN_STATES.findIndex((each) => each === state);
  const open = [{ run: run.id, state: code, startedAt: AT, record }];
  await suite.owner.put(run.partition, { open });
  return run;
}
async function held(run: TestRun, job?: true): Promise<TestRun> {
  const paused = { from: 'READY', by: 'bob', reason: 'month end', at: AT, job };
  const record = JSON.stringify({ attempts: [], seqs: [1], paused });
  await suite.owner.move(run, 'PAUSED', { record });
  return run;
}

describe('what stands still', () => {
  it('is found whatever programs have said: nobody interprets the text of a record', async () => {
    const world = new LabelledRuns(suite);
    const wild = await world.submit();
    await suite.owner.open(wild, 'x');
    const message = 'NUL \u0000, half a pair \ud83d, and "freeze":{"on":true';
    const progress = { percent: null, message, at: AT };
    const record = JSON.stringify({ attempts: [], seqs: [1], progress });
    const state = RUN_STATES.indexOf('RUNNING');
    const open = [{ run: wild.id, state, startedAt: AT, record }];
    await suite.owner.put(wild.partition, { open });
    const frozen = await runs(await world.submit(), true);
    expect(await world.list({ paused: true })).toEqual([frozen.id]);
    expect(await world.list({ paused: false })).toEqual([wild.id]);
    expect(await world.bulk('RESUME', { dryRun: true })).toMatchObject({ matched: 1 });
  });

  it('says how, by whom, why and since when; it is found by that', async () => {
    const world = new LabelledRuns(suite);
    const frozen = await runs(await world.submit(), true);
    const silent = await runs(await world.submit(), true, 'UNKNOWN');
    const thawed = await runs(await world.submit(), false);
    const [waits, job] = [await held(await world.submit()), await held(await world.submit(), true)];
    const ready = await world.submit();
    const dead = await world.dead();
    const { nodes } = await suite.gateway.get<{ nodes: { id: string; paused: unknown }[] }>(
      `query ($filter: RunFilter) { runs(project: "demo", filter: $filter, orderBy: OLDEST) {
        nodes { id paused { how by reason at byJob } } } }`,
      { filter: { labels: world.labels } },
    );
    const told = new Map(nodes.map(({ id, paused }) => [id, paused]));
    const at = new Date(AT).toISOString();
    const freeze = { how: 'FREEZE', by: 'ada', reason: 'the disk is full', at, byJob: false };
    const hold = { how: 'HOLD', by: 'bob', reason: 'month end', at, byJob: false };
    for (const { id } of [frozen, silent]) expect(told.get(id)).toEqual(freeze);
    expect(told.get(waits.id)).toEqual(hold);
    expect(told.get(job.id)).toEqual({ ...hold, byJob: true });
    for (const { id } of [thawed, ready, dead]) expect(told.get(id)).toBeNull();
    const still = [frozen, silent, waits, job].map(({ id }) => id);
    expect(await world.list({ paused: true })).toEqual(still);
    expect(await world.list({ paused: true, states: ['RUNNING'] })).toEqual([frozen.id]);
    expect(await world.list({ paused: false })).toEqual([thawed, ready, dead].map(({ id }) => id));
    // A bulk lets all of that go on, and nothing else.
    expect(await world.bulk('RESUME', { dryRun: true })).toMatchObject({ matched: 4 });
    expect(await world.bulk('RESUME')).toMatchObject({ matched: 4, applied: 4 });
    const { rows } = await suite.database.admin.query<{ ref: string }>(
      'select ref from inbox where kind = 1 and ref = any ($1) order by ref',
      [nodes.map(({ id }) => id)],
    );
    expect(rows.map(({ ref }) => ref)).toEqual(still);
    const none = await world.bulk('RESUME', {}, { paused: false });
    expect(none.userErrors).toMatchObject([{ code: 'INVALID_INPUT', path: ['filter', 'paused'] }]);
  });
});

describe('the answer of an action', () => {
  it('tells whether it has changed anything', async () => {
    const world = new LabelledRuns(suite);
    const run = await world.submit();
    // What other tests have asked of its partition is not counted.
    await suite.owner.answer(run.partition, { ok: true, state: null });
    for (const [outcome, changed] of [
      [{ ok: true, state: 'PAUSED' }, true],
      [{ ok: true, state: 'PAUSED', same: true }, false],
      [{ ok: false, code: 'RUN_STARTED', state: 'RUNNING' }, false],
    ] as const) {
      const asked = world.ask('pauseRun', 'PauseRunInput', { id: run.id });
      await vi.waitFor(
        async () => expect(await suite.owner.answer(run.partition, outcome)).toBe(1),
        { timeout: 5_000 },
      );
      expect(await asked).toMatchObject({ changed });
    }
    const dead = await world.dead();
    const input = { id: dead.id, idempotencyKey: dead.id };
    expect(await world.retry(input)).toMatchObject({ changed: true });
    expect(await world.retry(input)).toMatchObject({ changed: false });
  });
});
