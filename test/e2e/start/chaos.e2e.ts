import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { Orrery, cli, isAlive } from '../support/orrery.js';
import { submit, succeeded } from '../support/runs.js';

const FAULTS = 4;
const FAULTS_MS = 60_000;
/** A frozen executor may have to be given up, and its run to be tried again. */
const RUN_MS = 60_000;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start(['--schedulers', '3', '--executors', '4', '--chaos']);
}, 120_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

test('under --chaos runs end, the audit finds nothing, and Ctrl-C ends all', async () => {
  const { processes } = orrery.endpoint();
  const count = (role: string): number => processes.filter((each) => each.role === role).length;
  expect([count('scheduler'), count('executor')]).toEqual([3, 4]);
  const servers = ['postgres', 'postgres-server', 'broker', 'gateway'].map(
    (role) => orrery.pidsOf(role)[0] ?? 0,
  );
  const client = orrery.client();
  const told = (): string[] =>
    orrery.text.match(
      /chaos: (scheduler|executor)-\d (is killed|stands still for|does not reach the broker)/g,
    ) ?? [];
  const ids: string[] = [];
  for (let faults = 1; faults <= FAULTS; faults++) {
    for (let i = 0; i < 10; i++) ids.push(await submit(client, { job: 'noop' }));
    await until(() => told().length >= faults, FAULTS_MS);
  }
  for (const id of ids) await succeeded(client, id, RUN_MS);
  await client.close();
  const { code, out } = await cli(orrery, ['doctor', 'audit']);
  expect(out).toContain('no token ran twice');
  expect(code).toBe(0);
  // Nobody else was touched.
  expect(servers.map(isAlive)).toEqual(servers.map(() => true));
  const all = orrery.endpoint().processes.map(({ pid }) => pid);
  expect((await orrery.stop()).code).toBe(0);
  await until(() => !all.some(isAlive), 5_000);
}, 240_000);
