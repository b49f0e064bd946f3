import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Clock, until } from '#actor';
import { Connection, touchNode } from '#postgres';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { NameGuard } from './name-guard.js';

const BOUND_MS = 5_000;
const quiet = (): void => undefined;

let database: TestDatabase;
let guards: NameGuard[];
let errors: string[];
let timers: (() => void)[];
beforeAll(async () => {
  database = await startTestDatabase(2);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  [guards, errors, timers] = [[], [], []];
});
afterEach(async () => {
  for (const guard of guards) await guard.stop();
});

function guardOf(name: string): NameGuard {
  const error = (text: string): void => void errors.push(text);
  const log = { debug: quiet, info: quiet, warn: quiet, error };
  const clock: Clock = {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    after: (ms, run) => {
      // Between two tries at the start it waits for real; its looks are made by hand.
      if (ms < 1_000) setImmediate(run);
      else timers.push(run);
      return quiet;
    },
  };
  const guard = new NameGuard(database.url, name, log, clock);
  guards.push(guard);
  return guard;
}
const lookAll = (): void => {
  for (const run of timers.splice(0)) run();
};

test('one of the same name is refused in words that name both; others are not', async () => {
  const node = new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test' });
  await touchNode(node, 's.0', 'abc', 's');
  await node.stop();
  await guardOf('s').take();
  await guardOf('other').take(0);
  const refused = guardOf('s').take(0);
  await expect(refused).rejects.toThrow(
    /^another process \(session abc, seen \d+\.\d s ago\) is the scheduler s of this/,
  );
});

test('one that died leaves the name at once, however lately it was seen', async () => {
  const first = guardOf('s');
  await first.take();
  const second = guardOf('s').take();
  await first.stop();
  await second;
});

test('what a restart of the database has forgotten is held again', async () => {
  const guard = guardOf('s');
  await guard.take();
  const end = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'orrery/s/name'`;
  await database.admin.query(end);
  await until(() => !guard.isHeld, BOUND_MS);
  lookAll();
  await until(() => guard.isHeld, BOUND_MS);
  await expect(guardOf('s').take(0)).rejects.toThrow('another process');
});

test('who has lost it to another says so until it is free again', async () => {
  const guard = guardOf('s');
  await guard.take();
  await database.admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'orrery/s/name'`);
  await until(() => !guard.isHeld, BOUND_MS);
  const thief = guardOf('s');
  await thief.take();
  lookAll();
  await until(() => errors.length === 1, BOUND_MS);
  await until(() => timers.length > 0, BOUND_MS);
  await thief.stop();
  await until(() => {
    lookAll();
    return guard.isHeld;
  }, BOUND_MS);
});
