import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { FRAME_MS } from './frame-clock.js';
import type { EventFrame, EventsRequest } from './live-runs.js';
import { failureOf, leave, places, read, snapshot } from './testkit/reading.js';
import { Rig } from './testkit/rig.js';
import { PROJECT, STRANGER, eventOf } from './testkit/thread.js';

const PARTITIONS = 4;
const BOUND_MS = 8_000;
const BUFFER = 200;
const ALL: EventsRequest = { projects: [PROJECT], filter: {} };

let database: TestDatabase;
let rig: Rig;
let frameMs: number;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());
beforeEach(async () => {
  const { url, life } = database;
  frameMs = FRAME_MS;
  rig = await Rig.start({
    url,
    life,
    partitions: PARTITIONS,
    bufferEventsMax: BUFFER,
    frameMs: () => frameMs,
  });
  await until(() => rig.clients.every(({ up }) => up), BOUND_MS);
});
afterEach(() => rig.stop());

const tails = (): number => rig.live.counts.tails;

describe('equal subscriptions', () => {
  it('are given the very same frames', async () => {
    const runs = new Set(['a', 'b']);
    const equal = [ALL, { ...ALL, filter: {} }].map((request) => rig.live.events(request));
    const narrow = [runs, new Set(['b', 'a'])].map((each) =>
      rig.live.events({ ...ALL, filter: { runs: each } }),
    );
    for (const stream of [...equal, ...narrow]) await snapshot(rig, stream);
    await until(() => tails() === 2, BOUND_MS);
    await rig.thread.one(0, eventOf('a'));
    const next = async (stream: AsyncIterator<EventFrame>): Promise<EventFrame> =>
      (await stream.next()).value as EventFrame;
    const [one, two] = await Promise.all(equal.map(next));
    const [three, four] = await Promise.all(narrow.map(next));
    expect(one?.events.map(({ run }) => run)).toEqual(['a']);
    expect(two).toBe(one);
    expect(four).toBe(three);
    expect(three).not.toBe(one);
    await leave(...equal, ...narrow);
    expect(rig.live.counts).toMatchObject({ eventStreams: 0, tails: 0, timers: 0 });
    expect(rig.feed.counts).toMatchObject({ leases: 0, listeners: 0, keys: 0 });
  });

  it('of other projects are others', async () => {
    const streams = [[PROJECT], [STRANGER], [STRANGER, PROJECT]].map((projects) =>
      rig.live.events({ ...ALL, projects }),
    );
    for (const stream of streams) await snapshot(rig, stream);
    await rig.thread.one(0, eventOf('a'), eventOf('b', { project: STRANGER }));
    const got = await Promise.all(streams.map((stream, i) => read(stream, i === 2 ? 2 : 1)));
    expect(got.map(({ events }) => events.map(({ run }) => run))).toEqual([
      ['a'],
      ['b'],
      ['a', 'b'],
    ]);
    expect(tails()).toBe(3);
    await leave(...streams);
  });

  it('who comes with a cursor reads alone what was, then with the others', async () => {
    const first = rig.live.events(ALL);
    const after = await snapshot(rig, first);
    const total = 60;
    const all = read(first, total);
    const late: Promise<readonly string[]>[] = [];
    const streams = [];
    for (let i = 0; i < total; i += 2) {
      await rig.thread.one(i % PARTITIONS, eventOf(`r${i}`), eventOf(`s${i}`));
      if (i % 6 !== 0) continue;
      const stream = rig.live.events({ ...ALL, after });
      streams.push(stream);
      late.push(read(stream, total).then(({ events }) => places(events)));
    }
    const expected = places((await all).events).toSorted();
    expect(new Set(expected).size).toBe(total);
    for (const got of await Promise.all(late)) expect(got.toSorted()).toEqual(expected);
    await rig.thread.one(1, eventOf('last'));
    const frames = await Promise.all([first, ...streams].map((stream) => read(stream, 1)));
    for (const { events } of frames) expect(events.map(({ run }) => run)).toEqual(['last']);
    await until(() => tails() === 1, BOUND_MS);
    await leave(first, ...streams);
  });

  it('one that is slow ends, and the others go on', async () => {
    const streams = [0, 1, 2].map(() => rig.live.events(ALL));
    const [slow, ...quick] = streams as [(typeof streams)[0], ...typeof streams];
    for (const stream of streams) await snapshot(rig, stream);
    await until(() => tails() === 1, BOUND_MS);
    const total = BUFFER * 2;
    const reading = quick.map((stream) => read(stream, total));
    for (let i = 0; i < total; i += 10) {
      await rig.thread.one(0, ...Array.from({ length: 10 }, (_, n) => eventOf(`r${i + n}`)));
    }
    const [one, two] = await Promise.all(reading);
    expect(places(two?.events ?? [])).toEqual(places(one?.events ?? []));
    await until(() => rig.live.counts.eventStreams === 2, BOUND_MS);
    const failure = await failureOf(slow);
    expect(failure).toMatchObject({ kind: 'SLOW_CONSUMER' });
    const again = rig.live.events({ ...ALL, after: (failure as { resume: string }).resume });
    expect(places((await read(again, total)).events)).toEqual(places(one?.events ?? []));
    await leave(again, ...quick);
  });

  it('whoever comes as the last of them ends for being slow hears what comes next', async () => {
    // So long that what was gathered is handed on by who comes, and by no clock.
    frameMs = 60_000;
    const slow = rig.live.events(ALL);
    await snapshot(rig, slow);
    const names = Array.from({ length: BUFFER }, (_, n) => `r${n}`);
    await rig.thread.one(0, ...names.map((name) => eventOf(name)));
    const other = rig.live.events({ ...ALL, filter: { runs: new Set(['one more']) } });
    await snapshot(rig, other);
    await rig.thread.one(0, eventOf('one more'));
    await read(other, 1);
    const late = rig.live.events(ALL);
    await snapshot(rig, late);
    frameMs = FRAME_MS;
    await until(() => rig.live.counts.eventStreams === 2, BOUND_MS);
    await rig.thread.one(0, eventOf('next'));
    const heard = (await read(late, 1)).events.map(({ run }) => run);
    expect(heard).toContain('next');
    expect(rig.live.counts).toMatchObject({ eventStreams: 2, tails: 2 });
    await leave(slow, late, other);
  });

  it('goes on for the others when the first of them leaves', async () => {
    const streams = [0, 1].map(() => rig.live.events(ALL));
    const [founder, other] = streams as [(typeof streams)[0], (typeof streams)[0]];
    for (const stream of streams) await snapshot(rig, stream);
    await until(() => tails() === 1, BOUND_MS);
    await leave(founder);
    await rig.thread.one(2, eventOf('a'));
    expect((await read(other, 1)).events.map(({ run }) => run)).toEqual(['a']);
    await leave(other);
  });
});
