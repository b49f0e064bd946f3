import { VirtualTimeScheduler } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import type { EventsRequest } from './live-runs.js';
import { LiveRunsService, REFRESH_MS } from './live-runs.service.js';
import { failureOf, leave, read, snapshot } from './testkit/reading.js';
import { Rig } from './testkit/rig.js';
import { PROJECT, eventOf } from './testkit/thread.js';

const PARTITIONS = 8;
const BOUND_MS = 8_000;
const ALL: EventsRequest = { projects: [PROJECT], filter: {} };
const NOTHING = { eventStreams: 0, signalStreams: 0, tails: 0, projectsRead: 0, timers: 0 };

let database: TestDatabase;
let rig: Rig;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());
beforeEach(async () => {
  const { url, life } = database;
  rig = await Rig.start({ url, life, partitions: PARTITIONS });
  await until(() => rig.clients.every(({ up }) => up), BOUND_MS);
});
afterEach(() => rig.stop());

describe('many', () => {
  it('1,000 subscribers, each to a run of its own, over one feed', async () => {
    const count = 1_000;
    const streams = Array.from({ length: count }, (_, i) =>
      rig.live.events({ ...ALL, filter: { runs: new Set([`run-${i}`]) } }),
    );
    await Promise.all(streams.map((stream) => snapshot(rig, stream)));
    // Each has a tail of its own as well: no two ask for the same.
    expect(rig.feed.counts).toMatchObject({ leases: 2 * count, partitions: PARTITIONS });
    const before = rig.feed.counts.looked;
    for (let from = 0; from < 2 * count; from += 250) {
      const events = Array.from({ length: 250 }, (_, i) => eventOf(`run-${from + i}`));
      await rig.thread.one(from % PARTITIONS, ...events);
    }
    const frames = await Promise.all(streams.map((stream) => read(stream, 1)));
    expect(frames.map(({ events }) => events.map(({ run }) => run))).toEqual(
      frames.map((_, i) => [`run-${i}`]),
    );
    // Each event was looked at for the one that wants it, and for nobody else.
    expect(rig.feed.counts.looked - before).toBe(count);
    await leave(...streams);
    expect(rig.feed.counts).toMatchObject({ leases: 0, partitions: 0, listeners: 0, keys: 0 });
    expect(rig.live.counts).toEqual(NOTHING);
  });

  it('400 who come back with a cursor get all that follows it, and aim together', async () => {
    const count = 400;
    const first = rig.live.events(ALL);
    const after = await snapshot(rig, first);
    for (let i = 0; i < 20; i++) await rig.thread.one(i % PARTITIONS, eventOf(`back-${i}`));
    const before = rig.replayed;
    const streams = Array.from({ length: count }, () => rig.live.events({ ...ALL, after }));
    const reads = await Promise.all(streams.map((stream) => read(stream, 20)));
    expect(reads.map(({ events }) => new Set(events.map(({ run }) => run)).size)).toEqual(
      Array.from({ length: count }, () => 20),
    );
    // A page each; the heads are asked for once a turn, and not by each of them.
    expect(rig.replayed - before).toBeGreaterThanOrEqual(count);
    expect(rig.replayed - before).toBeLessThan(count * 1.1);
    await leave(first, ...streams);
    expect(rig.feed.counts).toMatchObject({ leases: 0, partitions: 0, listeners: 0 });
  });

  it('who leaves while waiting leaves at once and takes everything along', async () => {
    const events = rig.live.events(ALL);
    const changed = rig.live.changed({ id: 'r', partition: 1 });
    const opening = rig.live.events({ ...ALL, partition: 7 });
    await snapshot(rig, events);
    await changed.next();
    await rig.thread.one(1, eventOf('r'));
    await Promise.all([events.next(), changed.next()]);
    const waiting = [events.next(), changed.next()];
    expect(await events.return?.()).toEqual({ done: true, value: undefined });
    await leave(changed, opening);
    for (const { done } of await Promise.all(waiting)) expect(done).toBe(true);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(rig.feed.counts).toMatchObject({ leases: 0, partitions: 0, listeners: 0, keys: 0 });
    expect(rig.live.counts).toEqual(NOTHING);
  });
});

describe('changed', () => {
  it('signals at once, and after every change; only of its run', async () => {
    const changed = rig.live.changed({ id: 'mine', partition: 1 });
    const first = await changed.next();
    await until(() => rig.thread.isFollowed(1), BOUND_MS);
    await rig.thread.one(1, eventOf('other'));
    await rig.thread.one(1, eventOf('mine'));
    const second = (await changed.next()).value as { cursor: string };
    expect(second.cursor).not.toBe((first.value as { cursor: string }).cursor);
    await rig.thread.one(1, eventOf('mine', { type: 'FINISHED' }));
    const rest = rig.live.events({ ...ALL, partition: 1, after: second.cursor });
    expect((await read(rest, 1)).events.map(({ type }) => type)).toEqual(['FINISHED']);
    await leave(rest, changed);
  });

  it('a slow reader gets one signal for many changes, and the last of them is in it', async () => {
    const changed = rig.live.changed({ id: 'mine', partition: 1 });
    await changed.next();
    const events = rig.live.events({ ...ALL, partition: 1 });
    await snapshot(rig, events, 1);
    for (let i = 0; i < 50; i++) await rig.thread.one(1, eventOf('mine'));
    const { cursor } = await read(events, 50);
    const signals: string[] = [];
    while (signals.at(-1) !== cursor) {
      signals.push(((await changed.next()).value as { cursor: string }).cursor);
    }
    expect(signals.length).toBeLessThanOrEqual(2);
    await leave(events, changed);
  });
});

describe('a feed that ends', () => {
  it('by a restore: event streams expire, `changed` goes on with a signal', async () => {
    const events = rig.live.events(ALL);
    const start = await snapshot(rig, events);
    const changed = rig.live.changed({ id: 'mine', partition: 1 });
    await changed.next();
    rig.life = 'd9428888-122b-41e1-b85c-61cd3ce5e9c2';
    const failure = await failureOf(events);
    expect(failure).toMatchObject({ kind: 'CURSOR_EXPIRED' });
    expect((await changed.next()).done).toBe(false);
    await rig.thread.one(1, eventOf('mine'));
    expect((await changed.next()).done).toBe(false);
    const after = (failure as { oldest: string }).oldest;
    expect(await failureOf(rig.live.events({ ...ALL, after: start }))).toMatchObject({
      kind: 'CURSOR_EXPIRED',
    });
    const again = rig.live.events({ ...ALL, partition: 1, after });
    expect((await read(again, 1)).events[0]?.partition).toBe(1);
    await leave(again, changed);
  });
});

describe('a quiet stream', () => {
  it('is given a newer cursor now and then, in an empty frame, when it moved', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 0);
    const pass = (byMs: number): void => {
      scheduler.maxFrames = scheduler.frame + byMs;
      scheduler.flush();
      scheduler.frame = scheduler.maxFrames;
    };
    const live = new LiveRunsService(rig.feed, { scheduler });
    const quiet = live.events({ ...ALL, filter: { runs: new Set(['never']) } });
    const loud = live.events(ALL);
    const start = await snapshot(rig, quiet);
    await snapshot(rig, loud);
    pass(REFRESH_MS);
    await rig.thread.one(1, eventOf('other'));
    const { cursor } = await read(loud, 1);
    const next = quiet.next();
    pass(REFRESH_MS);
    expect(await next).toEqual({ done: false, value: { cursor, events: [], chars: 0 } });
    expect(cursor).not.toBe(start);
    await leave(quiet, loud);
    expect(live.counts.timers).toBe(0);
  });
});
