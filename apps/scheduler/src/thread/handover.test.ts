import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { until } from '#actor';
import { partitionOf } from '#core';
import { Connection, touchNode } from '#postgres';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

const PARTITIONS = 8;
/** Where the pool lives that all runs here want. */
const HOME = partitionOf('pool/default', PARTITIONS);

let database: TestDatabase;
let watch: Watch;
let rigs: Map<string, ThreadRig>;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rigs = new Map();
});
afterEach(async () => {
  for (const each of rigs.values()) await each.stop();
  await trouble.empty(database.admin);
});

function start(thread: string): ThreadRig {
  const { url, life } = database;
  const made = new ThreadRig(url, life, { thread, peers: rigs });
  rigs.set(thread, made);
  made.start();
  return made;
}

const ownersNow = async (): Promise<ReadonlyMap<number, string | null>> => {
  const { rows } = await database.admin.query('select id, owner from partition order by id');
  return new Map(rows.map((row) => [row['id'] as number, row['owner'] as string | null]));
};

/** Two threads with half each; the pool's home is the first one's or the second one's. */
async function half(): Promise<{ keeps: ThreadRig; leaves: ThreadRig; leaver: string }> {
  const connection = new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test' });
  // Whoever looks first leaves the other its half.
  for (const thread of ['t1', 't2']) await touchNode(connection, thread, 'early', 'scheduler');
  await connection.stop();
  const [one, two] = [start('t1'), start('t2')];
  const both = [one, two];
  const owned = (): number => both.reduce((sum, each) => sum + each.host.status().owned, 0);
  await until(() => both.every((each) => each.host.status().owned > 0), BOUND_MS);
  await until(() => owned() === PARTITIONS, BOUND_MS);
  // Each has looked once more since: both are known to both.
  const looks = both.map((each) => each.views);
  await until(() => both.every((each, i) => each.views > (looks[i] ?? 0)), BOUND_MS);
  for (const each of both) each.born('x1', 300, null, null);
  const welcome = () => both.flatMap((each) => each.downOf('welcome')).at(-1);
  await until(() => welcome() !== undefined, BOUND_MS);
  const incarnation = welcome()?.incarnation ?? 0;
  for (const each of both) each.born('x1', 300, incarnation, database.life);
  const home = (await ownersNow()).get(HOME);
  return home === 't1'
    ? { keeps: two, leaves: one, leaver: 't1' }
    : { keeps: one, leaves: two, leaver: 't2' };
}

test('a stopping thread works on until another has taken what it has', async () => {
  const { keeps, leaves, leaver } = await half();
  const its = [...(await ownersNow())].find(([, owner]) => owner === leaver)?.[0] ?? 0;
  keeps.isolate();
  const stopped = leaves.stop();
  await watch.eventually(async () => (await watch.count('node', `thread = '${leaver}'`)) === 0);
  const [run = ''] = await leaves.submit(1, { partition: its });
  await until(() => leaves.tokens().some((token) => token.run === run), BOUND_MS);
  keeps.isolate(false);
  await stopped;
  await watch.owns(keeps);
});

test('what waited for a pool whose home has left is offered to the new one at once', async () => {
  const { keeps, leaves, leaver } = await half();
  const mine = [...(await ownersNow())].find(([, owner]) => owner !== leaver)?.[0] ?? 0;
  keeps.pauseSeconds();
  // The pool's home hears nothing any more: the offer is lost with it.
  rigs.delete(leaver);
  const [run = ''] = await keeps.submit(1, { partition: mine });
  await watch.becomes(run, 'READY');
  rigs.set(leaver, leaves);
  await leaves.stop();
  await until(() => keeps.tokens().some((token) => token.run === run), BOUND_MS);
});
