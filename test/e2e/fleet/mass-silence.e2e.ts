import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Scene } from '../failover/scene.js';
import { kill } from '../support/orrery.js';
import { eventually, submit } from '../support/runs.js';

const MASS_LOSS_AFTER_MS = 7_000;
/** Longer than two looks: a mass whose first is lost before the next look is none. */
const LOST_AFTER_MS = 2_500;
const RUNS = 9;
const SOON_MS = 20_000;

const scene = new Scene(1, { ORRERY_MASS_LOSS_AFTER: `${MASS_LOSS_AFTER_MS}ms` });
let client: Client;

beforeAll(async () => {
  await scene.begin();
  client = scene.orrery.client();
}, 90_000);
afterAll(async () => {
  await client?.close();
  await scene.end();
}, 30_000);

interface Told {
  readonly state: string;
  readonly executor: { readonly id: string } | null;
  readonly attempts: readonly {
    readonly outcome: string | null;
    readonly finishedAt: string | null;
  }[];
}
const ATTEMPTS =
  'query($id: ID!) { run(id: $id) { state executor { id } attempts { outcome finishedAt } } }';

async function told(ids: readonly string[]): Promise<readonly Told[]> {
  const all: Told[] = [];
  for (const id of ids) {
    const answer = await client.request<{ run: Told }>(ATTEMPTS, { id });
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    all.push(answer.value.run);
  }
  return all;
}

/** Runs that go on for a minute, spread over the markers; those of the ones that are killed. */
async function lostOf(killed: readonly number[]): Promise<readonly number[]> {
  const spec = {
    ...{ kind: 'function', name: 'mark', retry: { maxAttempts: 2, delay: '50ms' } },
    disconnect: { lostAfter: `${LOST_AFTER_MS}ms` },
  };
  const ids: string[] = [];
  for (let n = 0; n < RUNS; n++) ids.push(await submit(client, { spec, params: { ms: 60_000 } }));
  const running = (runs: readonly Told[]) => runs.every(({ state }) => state === 'RUNNING');
  const runs = await eventually(() => told(ids), running, SOON_MS);
  const names = new Set(killed.map((n) => `marker-${n}`));
  const its = ids.filter((_, n) => names.has(runs[n]?.executor?.id ?? ''));
  expect(its.length).toBeGreaterThan(0);
  const killedAt = Date.now();
  for (const n of killed) kill(scene.pidOfMarker(n));
  const isLost = (all: readonly Told[]) => all.every(({ attempts }) => attempts.length > 0);
  const ended = await eventually(() => told(its), isLost, SOON_MS);
  expect(ended.map(({ attempts }) => attempts[0]?.outcome)).toEqual(its.map(() => 'LOST'));
  return ended.map(({ attempts }) => Date.parse(attempts[0]?.finishedAt ?? '') - killedAt);
}

test('one of four that is killed has its runs LOST after their own time (3.2)', async () => {
  const after = await lostOf([0]);
  expect(Math.min(...after)).toBeGreaterThanOrEqual(LOST_AFTER_MS);
  expect(Math.max(...after)).toBeLessThan(MASS_LOSS_AFTER_MS);
}, 60_000);

test('of both that are left nothing is LOST before massLossAfter (3.2)', async () => {
  const after = await lostOf([1, 2]);
  expect(Math.min(...after)).toBeGreaterThanOrEqual(MASS_LOSS_AFTER_MS);
  const warnings = scene.orrery.log('scheduler').filter(({ level }) => level === 'warn');
  expect(warnings).toContainEqual(
    expect.objectContaining({ message: 'a pool fell silent: nothing of it is lost for now' }),
  );
}, 60_000);
