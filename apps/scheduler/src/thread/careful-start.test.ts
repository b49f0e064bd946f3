import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { until } from '#actor';
import { partitionMachine } from '#core';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

let database: TestDatabase;
let watch: Watch;
const rigs: ThreadRig[] = [];

beforeAll(async () => {
  database = await startTestDatabase(2);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const each of rigs.splice(0)) await each.stop();
  await trouble.empty(database.admin);
});

/** The same process, started anew. */
function start(): ThreadRig {
  const made = create();
  made.start();
  return made;
}
function create(): ThreadRig {
  const made = new ThreadRig(database.url, database.life, { partitions: 2 });
  rigs.push(made);
  return made;
}

const triesOf = async (run: string): Promise<unknown> =>
  (await database.admin.query('select tries from inbox where id = $1', [run])).rows[0]?.['tries'];

test('a message that kills its thread does so no more: it stood alone twice', async () => {
  const first = start();
  await watch.owns(first);
  let current = first;
  let poison: string | undefined;
  let kills = 0;
  const step = partitionMachine.step.bind(partitionMachine);
  vi.spyOn(partitionMachine, 'step').mockImplementation((state, message, now, emit) => {
    if (message.kind === 'submitted') {
      poison ??= message.cell.facts.id;
      if (message.cell.facts.id === poison) {
        kills++;
        current.kill();
        throw new Error('killed');
      }
    }
    return step(state, message, now, emit);
  });
  const runs = await first.submit(30);
  const tries: unknown[] = [];
  for (let life = 1; life <= 5; life++) {
    await until(() => kills === life, BOUND_MS);
    tries.push(await triesOf(poison ?? ''));
    current = start();
  }
  expect(tries).toEqual([0, 1, 2, 3, 4]);
  await watch.eventually(async () => (await watch.count('inbox')) === 0);
  expect(kills).toBe(5);
  expect(await watch.count('aside', `run = '${poison}' and kind = 'submitted'`)).toBe(1);
  expect(await watch.count('aside')).toBe(1);
  expect(await watch.state(poison ?? '')).toBe('PAUSED');
  for (const run of runs) if (run !== poison) expect(await watch.state(run)).toBe('READY');
  vi.restoreAllMocks();
  await current.cancel(poison ?? '');
  await watch.becomes(poison ?? '', 'CANCELLED');
}, 60_000);

test('who starts for the first time, or after a stop, names nothing', async () => {
  await trouble.noteNamed(database.admin);
  const first = start();
  await watch.owns(first);
  await first.submit(5);
  await watch.eventually(async () => (await watch.count('inbox')) === 0);
  await first.stop();
  rigs.splice(0);
  const next = start();
  await next.submit(5);
  await watch.eventually(async () => (await watch.count('live', 'taken')) === 10);
  expect(await watch.count('named')).toBe(0);
  next.kill();
  const last = create();
  await last.submit(5);
  last.start();
  await watch.eventually(async () => (await watch.count('live', 'taken')) === 15);
  expect(await watch.count('named')).toBe(5);
});
