import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import { type Token, comparePlace, partitionOf } from '#core';
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
  database = await startTestDatabase(8);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
let rig: ThreadRig;
beforeEach(() => {
  rig = start();
});
afterEach(async () => {
  for (const each of rigs.splice(0)) await each.stop();
  await trouble.empty(database.admin);
});

function start(thread = 't1'): ThreadRig {
  const made = new ThreadRig(database.url, database.life, { thread });
  rigs.push(made);
  made.start();
  return made;
}

async function granted(runs: number): Promise<readonly Token[]> {
  await watch.executorReady(rig, database.life);
  await rig.submit(runs);
  await until(() => rig.tokens().length === runs, BOUND_MS);
  return rig.tokens();
}

/** The same executor, known to another thread. */
function appear(to: ThreadRig, incarnation: number): void {
  to.born('x1', 300, incarnation, database.life);
}

const byRun = (tokens: readonly Token[]): Token[] =>
  tokens.toSorted((a, b) => a.run.localeCompare(b.run));

/** This very thread, as after a SIGSTOP. */
const standStill = (ms: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const death = (session: string) =>
  ({ kind: 'presence', executor: 'x1', presence: { v: 1, state: 'death', session } }) as const;

describe('an executor that goes and comes', () => {
  test('its last will makes attempts UNKNOWN at once, its digest brings them back', async () => {
    const [a, b] = (await granted(2)) as [Token, Token];
    rig.up('x1', rig.startedOf(a), rig.startedOf(b));
    await watch.becomes(a.run, 'RUNNING');
    await watch.becomes(b.run, 'RUNNING');
    rig.tell(death('another session'));
    rig.tell(death(rig.session));
    const wentAt = performance.now();
    await watch.becomes(a.run, 'UNKNOWN');
    await watch.becomes(b.run, 'UNKNOWN');
    expect(performance.now() - wentAt).toBeLessThan(1_000);
    await watch.eventually(async () => (await watch.count('executor', 'state = 4')) === 1);
    rig.session = 's2';
    appear(rig, a.incarnation);
    await until(() => rig.downOf('askDigest').length > 0, BOUND_MS);
    // One digest a partition: chance may have put both runs into one.
    const partitions = new Set([a, b].map((token) => partitionOf(token.run, 8)));
    for (const partition of partitions) {
      const tokens = [a, b].filter((token) => partitionOf(token.run, 8) === partition);
      const [last = a] = tokens.sort((x, y) => comparePlace(y, x));
      rig.up('x1', {
        kind: 'digest',
        partition,
        incarnation: a.incarnation,
        watermark: { epoch: last.epoch, seq: last.seq },
        entries: tokens.includes(a) ? [{ token: a, phase: 'started' }] : [],
      });
    }
    await watch.becomes(a.run, 'RUNNING');
    // One attempt of one: what its executor no longer has is LOST.
    await watch.becomes(b.run, 'DEAD');
    await until(() => rig.downOf('digested').length === partitions.size, BOUND_MS);
    await watch.eventually(async () => (await watch.count('executor', 'state = 0')) === 1);
  });

  test('nobody is lost while our own link is down; then the clocks start anew', async () => {
    rig.policy = { ...rig.policy, lostAfterMs: 400 };
    const [token] = (await granted(1)) as [Token];
    rig.tell(death(rig.session));
    rig.tell({ kind: 'link', up: false });
    await watch.becomes(token.run, 'UNKNOWN');
    // Beyond the time at which it would have been lost.
    const [later = ''] = await rig.submit(1, { afterMs: 800 });
    await watch.becomes(later, 'READY');
    expect(await watch.state(token.run)).toBe('UNKNOWN');
    rig.tell({ kind: 'link', up: true });
    rig.tell(death(rig.session));
    await watch.becomes(token.run, 'DEAD');
  });

  test('nor while our own thread stands still, although its timer runs first', async () => {
    rig.policy = { ...rig.policy, lostAfterMs: 1_800 };
    const [token] = (await granted(1)) as [Token];
    rig.tell(death(rig.session));
    await watch.becomes(token.run, 'UNKNOWN');
    standStill(2_200);
    const [next = ''] = await rig.submit(1);
    await watch.becomes(next, 'READY');
    expect(await watch.state(token.run)).toBe('UNKNOWN');
    await watch.becomes(token.run, 'DEAD');
  });

  test('without its disk it is somebody else: LOST, and retried elsewhere', async () => {
    const { retry } = rig.policy;
    rig.policy = {
      ...rig.policy,
      retry: { ...retry, maxAttempts: 2, delayMs: 1, jitter: 'NONE' },
    };
    const [token] = (await granted(1)) as [Token];
    rig.up('x1', rig.startedOf(token));
    await watch.becomes(token.run, 'RUNNING');
    rig.session = 's2';
    const incarnation = await watch.executorReady(rig, database.life);
    expect(incarnation).toBe(token.incarnation + 1);
    await until(() => rig.tokens().length === 2, BOUND_MS);
    expect(rig.tokens()[1]).toMatchObject({ run: token.run, attempt: 2, incarnation });
    const ended = (await watch.events(token.run)).find((e) => e.type === 'ATTEMPT_ENDED');
    expect(ended?.data).toMatchObject({ outcome: 'LOST' });
  });
});

describe('a takeover', () => {
  test('resends the same token for what is GRANTED, and takes the result under it', async () => {
    const tokens = await granted(12);
    rig.kill();
    await trouble.silence(database.admin, 't1');
    const next = start('t2');
    appear(next, tokens[0]?.incarnation ?? 0);
    await until(() => next.tokens().length === 12, BOUND_MS);
    expect(byRun(next.tokens())).toEqual(byRun(tokens));
    const epochs = next.downOf('assign').map((item) => item.epoch - item.token.epoch);
    expect(new Set(epochs)).toEqual(new Set([1]));
    next.up('x1', ...tokens.map((token) => next.resultOf(token)));
    await watch.eventually(async () => (await watch.count('history', 'state = 9')) === 12);
    expect(next.downOf('ack')).toHaveLength(12);
    // Nothing was granted a second time.
    const [first] = tokens as [Token];
    const grants = (await watch.events(first.run)).filter((e) => e.type === 'GRANTED');
    expect(grants).toHaveLength(1);
  });

  test('floors of a new owner do not pass over what is still open', async () => {
    const tokens = await granted(4);
    rig.kill();
    const next = start();
    appear(next, tokens[0]?.incarnation ?? 0);
    await until(() => next.tokens().length === 4, BOUND_MS);
    for (const { floor, token } of next.downOf('assign')) {
      expect(floor.epoch).toBe(token.epoch);
      expect(floor.seq).toBeLessThanOrEqual(token.seq);
    }
  });

  test('a zombie’s commit is fenced, and what it still says carries its old epoch', async () => {
    const tokens = await granted(8);
    rig.isolate();
    await trouble.silence(database.admin, 't1');
    const next = start('t2');
    appear(next, tokens[0]?.incarnation ?? 0);
    await until(() => next.tokens().length === 8, BOUND_MS);
    const old = new Map(tokens.map((token) => [token.run, token.epoch]));
    // It has not heard of it: it restates, acknowledges nothing, and names its own epoch.
    const before = rig.downOf('assign').length;
    await until(() => rig.downOf('assign').length > before, BOUND_MS);
    for (const item of rig.downOf('assign')) expect(item.epoch).toBe(old.get(item.token.run));
    rig.up('x1', ...tokens.map((token) => rig.resultOf(token, '"zombie"')));
    await until(() => rig.host.status().owned < 8, BOUND_MS);
    expect(rig.downOf('ack')).toEqual([]);
    next.up('x1', ...tokens.map((token) => next.resultOf(token, '"heir"')));
    await watch.eventually(async () => (await watch.count('history')) === 8);
    const heirs = `result = convert_to('"heir"', 'UTF8')`;
    expect(await watch.count('history', heirs)).toBe(8);
    expect(next.downOf('ack')).toHaveLength(8);
    // Once it is back, the cluster's events tell what it was refused.
    rig.isolate(false);
    const refused = `kind = 2 and thread = 't1' and finished > 0`;
    await watch.eventually(async () => (await watch.count('cluster_event', refused)) > 0);
  });

  test('an executor whose death nobody could take in is OFFLINE all the same', async () => {
    await watch.executorReady(rig, database.life);
    await watch.eventually(async () => (await watch.count('executor', 'state = 0')) === 1);
    rig.kill();
    const next = start();
    // Before anything is owned: nobody is its home.
    next.tell(death('s1'));
    await watch.eventually(async () => (await watch.count('executor', 'state = 4')) === 1);
  });

  test('what is dropped after an unknown outcome is owned again at once', async () => {
    const [token] = (await granted(1)) as [Token];
    const { rows } = await database.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'orrery/t1/test' and query like '%commit_batch%'`,
    );
    expect(rows).toHaveLength(1);
    const say = (): void => rig.up('x1', rig.resultOf(token));
    say();
    const stop = rig.every(50, say);
    await watch.becomes(token.run, 'SUCCEEDED');
    await until(() => rig.downOf('ack').length > 0, BOUND_MS);
    stop();
    await watch.owns(rig);
    const ends = (await watch.events(token.run)).filter((e) => e.type === 'FINISHED');
    expect(ends).toHaveLength(1);
  });
});
