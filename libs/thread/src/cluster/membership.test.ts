import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { systemClock, until } from '#actor';
import type { StoreControl } from '#core';
import { Connection, PostgresStore } from '#postgres';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { Membership } from './membership.js';
import type { MembershipNews } from './news.js';

const BOUND_MS = 8_000;
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const nobody = {
  node: { thread: 't1', session: 's', scheduler: 'scheduler' },
  window: 128,
  dead: () => new Set<string>(),
  mono: () => systemClock.elapsed(),
  after: (delayMs: number, run: () => void) => systemClock.after(delayMs, run),
  left: quiet,
  stats: () => ({ commits: 7, commitP50Ms: 2, commitP99Ms: 9, hearsMs: 0 }),
};
const controlOf = (on: Connection): StoreControl =>
  new PostgresStore({ commits: on, reads: on, control: on }).control;
const stopped = async (of: Membership): Promise<void> => await new Promise((done) => of.stop(done));
type Loaded = Extract<MembershipNews, { kind: 'loaded' }>;

let database: TestDatabase;
let connection: Connection;
let membership: Membership;
let held: Map<number, number>;
let loads: Loaded[];
let views: number;
let heard: (loaded: Loaded) => void;
let tell: (news: MembershipNews) => void;

beforeAll(async () => {
  database = await startTestDatabase(8);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  const { url } = database;
  connection = new Connection({ url, role: 'orrery_scheduler', name: 'orrery/t1/s', pinned: true });
  held = new Map();
  loads = [];
  views = 0;
  heard = quiet;
  tell = quiet;
  const host = {
    ...nobody,
    held: () => held,
    tell: (news: MembershipNews) => {
      if (news.kind === 'view') views++;
      tell(news);
      if (news.kind !== 'loaded') return;
      loads.push(news);
      heard(news);
    },
  };
  membership = new Membership(controlOf(connection), host, log);
});
afterEach(async () => {
  await stopped(membership);
  await connection.stop();
  await trouble.empty(database.admin);
});

function adopt({ loaded }: Loaded): void {
  held.set(loaded.partition, loaded.epoch);
  membership.adopted(loaded.partition);
}

/** Another thread is there, or has claimed something. */
const touched = async (thread: string): Promise<unknown> =>
  await new Promise((done) =>
    controlOf(connection).touch({ thread, session: 's', scheduler: 'other' }, done),
  );
const claimed = async (partition: number, expected: number, thread: string): Promise<unknown> =>
  await new Promise((done) =>
    controlOf(connection).claim({ claims: [{ partition, expected }], thread }, done),
  );

test('what is claimed and not yet in memory is not claimed again', async () => {
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  const before = views;
  membership.look();
  await until(() => views > before + 1, BOUND_MS);
  expect(loads).toHaveLength(8);
  for (const load of loads) adopt(load);
});

test('a reclaim is owned again at once, and its care outlives the turn it came in', async () => {
  let wanted = false;
  heard = (news) => {
    adopt(news);
    if (news.loaded.partition !== 7 || wanted) return;
    // In the middle of a turn that has decided already: the next one claims it.
    wanted = true;
    held.delete(0);
    membership.reclaim(0, true);
  };
  membership.start();
  await until(() => loads.length === 9, BOUND_MS);
  const last = loads.at(-1);
  expect(last?.loaded.partition).toBe(0);
  expect(last?.how).toEqual({ careful: true, unclean: false });
  expect(last?.loaded.epoch).toBe((loads[0]?.loaded.epoch ?? 0) + 1);
  // Not at the next half second: no turn but that one has come between.
  expect(views).toBeLessThanOrEqual(3);
  expect(loads.slice(0, 8).every((load) => !load.how.careful)).toBe(true);
});

/** Somebody else holds the locks of these rows all the while, and has let go at the end. */
async function locking(rows: string, during: () => Promise<void>): Promise<void> {
  const { Client } = (await import('pg')).default;
  const other = new Client(database.url);
  await other.connect();
  try {
    await other.query('begin');
    await other.query(`select 1 from orrery.partition where ${rows} for update`);
    await during();
  } finally {
    await other.end();
  }
}

test('what is locked keeps nobody from the others, and is waited for once', async () => {
  await locking('id < 4', async () => {
    const began = performance.now();
    membership.start();
    await until(() => loads.length === 4, BOUND_MS);
    await until(() => views > 1, BOUND_MS);
    // A claim waits half a second for a lock. Four times that, and this thread were stale itself.
    expect(performance.now() - began).toBeLessThan(2_000);
  });
  await until(() => loads.length === 8, BOUND_MS);
});

test('a reclaim that waits for a lock is no loss', async () => {
  heard = (news) => adopt(news);
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  await locking('id = 5', async () => {
    const before = views;
    held.delete(5);
    membership.reclaim(5, false);
    await until(() => views > before + 1, BOUND_MS);
  });
  await until(() => loads.length === 9, BOUND_MS);
  expect(loads.at(-1)?.how.unclean).toBe(false);
});

test('who has claimed a partition is believed until the table says more', async () => {
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  for (const load of loads) adopt(load);
  const epoch = loads.find(({ loaded }) => loaded.partition === 3)?.loaded.epoch ?? 0;
  const before = views;
  membership.look();
  await until(() => views > before, BOUND_MS);
  expect(membership.owners.hears({ partition: 3, thread: 't2', epoch: epoch - 1 })).toBe(false);
  expect(membership.owners.hears({ partition: 3, thread: 't1', epoch })).toBe(true);
  expect(membership.owners.of(3)).toEqual({ thread: 't1', epoch });
  expect(membership.owners.hears({ partition: 3, thread: 't2', epoch: epoch + 1 })).toBe(true);
  expect(membership.owners.hears({ partition: 3, thread: 't2', epoch: epoch + 1 })).toBe(false);
  expect(membership.owners.of(3)).toEqual({ thread: 't2', epoch: epoch + 1 });
  expect(membership.owners.all()).toContainEqual({ partition: 3, thread: 't2', epoch: epoch + 1 });
  await claimed(3, epoch, 't2');
  await claimed(3, epoch + 1, 't3');
  await until(() => membership.owners.of(3)?.thread === 't3', BOUND_MS);
});

test('who has left and owns something yet is told as the others are', async () => {
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  for (const load of loads) adopt(load);
  await claimed(2, loads.find(({ loaded }) => loaded.partition === 2)?.loaded.epoch ?? 0, 't4');
  await touched('t2');
  await until(() => membership.owners.peers().length === 2, BOUND_MS);
  expect(membership.owners.peers()).toEqual(['t2', 't4']);
});

test('who is handed a partition hears that it is free', async () => {
  const freed: MembershipNews[] = [];
  heard = (news) => adopt(news);
  tell = (news) => {
    if (news.kind === 'freed') freed.push(news);
    if (news.kind === 'give-up') held.delete(news.partition);
  };
  membership.start();
  await until(() => held.size === 8, BOUND_MS);
  await touched('t2');
  for (let id = 0; id < 8; id++) {
    await new Promise((done) => controlOf(connection).want(id, 't2', done));
  }
  await until(() => freed.length === 4, BOUND_MS);
  expect(freed[0]).toEqual({ kind: 'freed', to: ['t2'] });
});

test('a stop without the database hands over nothing, and ends', async () => {
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  for (const load of loads) adopt(load);
  await connection.stop();
  const { url } = database;
  const dead = new URL(url);
  dead.port = '1';
  const gone = new Connection({ url: dead.href, role: 'orrery_scheduler', name: 'orrery/t1/s' });
  const lost = new Membership(controlOf(gone), { ...nobody, held: () => held, tell: quiet }, log);
  await stopped(lost);
});

/** By this process, before it ran: of partition 1 nothing is known to have gone wrong. */
test.each([
  ['nobody', null, false],
  ['one that said it left, and is overtaken', 'left', false],
  ['one that died', 'dead', true],
  ['a former life of ours', 't1', true],
])('a claim from %s', async (_, from, unclean) => {
  if (from === 'dead') await touched('dead');
  const { rows } = await database.admin.query('select epoch::int from partition where id = 1');
  if (from !== null) await claimed(1, Number(rows[0]?.['epoch']), from);
  await trouble.silence(database.admin, 'dead');
  membership.start();
  await until(() => loads.length === 8, BOUND_MS);
  const how = (at: number) => loads.find(({ loaded }) => loaded.partition === at)?.how.unclean;
  expect([how(0), how(1)]).toEqual([false, unclean]);
  const mine = loads.find(({ loaded }) => loaded.partition === 1);
  if (mine !== undefined) adopt(mine);
  held.delete(1);
  membership.reclaim(1, false);
  await until(() => loads.length === 9, BOUND_MS);
  expect(loads.at(-1)?.how.unclean).toBe(false);
});

test('what its owner was lost with is taken with care, also if its first load fails', async () => {
  await touched('dead');
  const { rows } = await database.admin.query('select epoch::int from partition where id = 2');
  await claimed(2, Number(rows[0]?.['epoch']), 'dead');
  await trouble.silence(database.admin, 'dead');
  const control = controlOf(connection);
  let failures = 0;
  const broken: StoreControl = {
    ...control,
    load: (wanted, reply) => {
      const isBroken = wanted.partitions.some(({ partition }) => partition === 2) && failures < 2;
      if (isBroken) failures++;
      if (isBroken) reply(new Error('not now'));
      else control.load(wanted, reply);
    },
  };
  const news: Loaded[] = [];
  const host = {
    ...nobody,
    held: () => held,
    tell: (told: MembershipNews) => void (told.kind === 'loaded' && news.push(told)),
  };
  const other = new Membership(broken, host, log);
  other.start();
  await until(() => news.length === 8, BOUND_MS);
  expect(news.at(-1)?.loaded.partition).toBe(2);
  expect(news.map(({ how }) => how.unclean)).toEqual([...Array(7).fill(false), true]);
  await stopped(other);
});

test('what cannot be loaded, time and again, is given up with the reason', async () => {
  const control = controlOf(connection);
  const broken: StoreControl = {
    ...control,
    load: (wanted, reply) =>
      wanted.partitions.some(({ partition }) => partition === 2)
        ? reply(new Error('a row is nonsense'))
        : control.load(wanted, reply),
  };
  await trouble.well(database.admin);
  const host = { ...nobody, held: () => held, tell: (news: MembershipNews) => adoptAny(news) };
  const adoptAny = (news: MembershipNews): void => {
    if (news.kind !== 'loaded') return;
    held.set(news.loaded.partition, news.loaded.epoch);
    other.adopted(news.loaded.partition);
  };
  const other = new Membership(broken, host, log);
  other.start();
  const row = async () => {
    const text = 'select owner, gave_up as times, gave_up_why as why from partition where id = 2';
    return (await database.admin.query(text)).rows[0] as Record<string, unknown>;
  };
  await vi.waitUntil(async () => (await row())['times'] === 1, { timeout: BOUND_MS });
  expect((await row())['why']).toBe(
    'its load: it failed 3 times within a minute: a row is nonsense',
  );
  expect(new Set(held.keys())).toEqual(new Set([0, 1, 3, 4, 5, 6, 7]));
  await stopped(other);
});
