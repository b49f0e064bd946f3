import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunRecord } from '#core';
import type { RunRow } from '#postgres';
import { freshName } from '../../testkit/gateway.js';
import { WaitingRig } from './testkit/waiting-rig.js';

let rig: WaitingRig;
beforeAll(async () => {
  rig = await WaitingRig.start();
});
afterAll(() => rig.stop());

async function expected(run: RunRow): Promise<number | null> {
  const query = 'query ($id: ID!) { run(id: $id) { expectedFinish startedAt } }';
  const { expectedFinish, startedAt } = await rig.gateway.get<
    Readonly<Record<'expectedFinish' | 'startedAt', string | null>>
  >(query, { id: run.id });
  if (expectedFinish === null) return null;
  return Date.parse(expectedFinish) - Date.parse(startedAt ?? '');
}
/** A job with runs that took so long. */
async function job(...tookMs: readonly number[]): Promise<string> {
  const name = freshName('job');
  await rig.gateway.get(
    `mutation ($input: ApplyJobInput!) { applyJob(input: $input) { userErrors { code } } }`,
    { input: { project: 'demo', name, spec: { kind: 'function', name: 'noop' } } },
  );
  for (const took of tookMs) {
    const run = await rig.submit({ spec: undefined, job: name });
    const startedAt = Date.now() - 60_000;
    const times = { startedAt, finishedAt: startedAt + took };
    await rig.owner.finish(run, 'SUCCEEDED', 'SUCCEEDED', times);
  }
  return name;
}
async function running(name: string, more: Partial<RunRecord> = {}): Promise<RunRow> {
  const run = await rig.submit({ spec: undefined, job: name });
  await rig.owner.move(run, 'READY', { lane: '100', rank: 1 });
  await rig.open(run, 'RUNNING', Date.now(), more);
  return run;
}

it('is the start and the median of what its job took, and none from fewer than 3', async () => {
  const minute = 60_000;
  const name = await job(5 * minute, 60 * minute, 4 * minute);
  const failed = await rig.submit({ spec: undefined, job: name });
  const startedAt = Date.now() - minute;
  await rig.owner.finish(failed, 'DEAD', 'FAILED', { startedAt, finishedAt: startedAt + 1 });
  expect(await expected(await running(name))).toBe(5 * minute);
  expect(await expected(await running(await job(minute, minute)))).toBeNull();
  const even = await job(5 * minute, 60 * minute, 4 * minute, 7 * minute);
  expect(await expected(await running(even))).toBe(6 * minute);
});

it('is not known of what stands still, or has', async () => {
  const name = await job(60_000, 60_000, 60_000);
  const freeze = { on: true, seq: 9, by: 'ada', reason: '', at: 1 };
  expect(await expected(await running(name, { freeze }))).toBeNull();
  expect(await expected(await running(name, { thawedAt: 1 }))).toBeNull();
  expect(await expected(await running(name))).toBe(60_000);
});

it('is never in the past, and of nothing but what runs', async () => {
  const over = await running(await job(0, 0, 0));
  expect(await expected(over)).toBeNull();
  const name = await job(60_000, 60_000, 60_000);
  const waits = await rig.submit({ spec: undefined, job: name });
  expect(await expected(waits)).toBeNull();
  expect(await expected(await rig.submit())).toBeNull();
});
