import { spawn } from 'node:child_process';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { migrate } from '#definitions';
import { readInstallation } from '#postgres';
import { Orrery, cli, kill } from '../support/orrery.js';

const MAIN = path.resolve(import.meta.dirname, '../../../dist/apps/scheduler/src/main.js');
/** The name is tried for two seconds, in case that its holder has died just now. */
const REFUSED_MS = 15_000;
const RESTARTED_MS = 15_000;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

/** A scheduler that is started by hand beside those that run. */
async function start(variables: Readonly<Record<string, string>>): Promise<string> {
  const { databaseUrl, mqtt } = orrery.endpoint();
  const own = { DATABASE_URL: databaseUrl, MQTT_URL: mqtt, ...variables };
  const child = spawn(process.execPath, [MAIN], {
    env: { ...orrery.environment, ...own },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  try {
    await until(() => child.exitCode !== null, REFUSED_MS);
  } finally {
    kill(child.exitCode === null ? (child.pid ?? 0) : 0);
  }
  expect(child.exitCode).toBe(1);
  return said;
}

test('what does not belong to the cluster is refused in one sentence that names both', async () => {
  expect(await start({ ORRERY_CLUSTER: 'staging' })).toMatch(
    /^The scheduler cannot start: .* the cluster main, and this process to the cluster staging/,
  );
  expect(await start({ ORRERY_PARTITIONS: '8' })).toMatch(
    /^The scheduler cannot start: .* with 64 partitions, and this process was told of 8/,
  );
  expect(await start({ ORRERY_SCHEDULER_NAME: 'scheduler-1' })).toMatch(
    /^The scheduler cannot start: another process .*is the scheduler scheduler-1 of this/,
  );
  const { code, err } = await cli(orrery, ['cluster', 'events', '--limit', '1']);
  expect([code, err]).toEqual([0, '']);
}, 60_000);

test('two clusters of one name at one broker: the second is refused', async () => {
  const { databaseUrl } = orrery.endpoint();
  const admin = new pg.Client(databaseUrl);
  await admin.connect();
  await admin.query('create database other');
  await admin.end();
  const other = new URL(databaseUrl);
  other.pathname = '/other';
  const { life } = await migrate(other.href, undefined, 'main');
  const { life: first } = await readInstallation(databaseUrl);
  const said = await start({ DATABASE_URL: other.href, ORRERY_SCHEDULER_NAME: 'other' });
  expect(said).toMatch(/^The scheduler cannot start: at the broker 127.0.0.1:\d+ the scheduler /);
  expect(said).toContain(`(life ${first}) works under the name of the cluster main`);
  expect(said).toContain(`of the installation with the life ${life}`);
}, 30_000);

test('a second Orrery at this database with a broker of its own is refused', async () => {
  const { databaseUrl } = orrery.endpoint();
  const variables = { DATABASE_URL: databaseUrl, ORRERY_SCHEDULER_NAME: 'scheduler-9' };
  const second = new Orrery(undefined, variables);
  try {
    await expect(second.start()).rejects.toThrow(
      /scheduler-1 of another Orrery work with the database at .* set MQTT_URL to theirs/,
    );
    expect(second.exitCode).toBe(1);
  } finally {
    await second.remove();
  }
}, 60_000);

test('a scheduler that was killed has its name again at once', async () => {
  const starts = (): number =>
    orrery.log('scheduler').filter((line) => line['message'] === 'the scheduler runs').length;
  const before = starts();
  expect(before).toBeGreaterThan(0);
  for (const pid of orrery.pidsOf('scheduler')) kill(pid);
  await until(() => starts() > before, RESTARTED_MS);
  expect(orrery.text).not.toContain('another process');
}, 30_000);
