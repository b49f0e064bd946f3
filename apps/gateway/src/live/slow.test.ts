import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { STREAM } from './event-stream.js';
import { type EventFrame, type EventsRequest, LiveFailure } from './live-runs.js';
import type { Pace } from './pace.js';
import { leave, places, read, snapshot } from './testkit/reading.js';
import { Rig } from './testkit/rig.js';
import { PROJECT, eventOf } from './testkit/thread.js';

const PARTITIONS = 4;
const BOUND_MS = 8_000;
const CHARS = 20_000;
const ALL: EventsRequest = { projects: [PROJECT], filter: {} };

let database: TestDatabase;
let rig: Rig;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());
beforeEach(async () => {
  const { url, life } = database;
  rig = await Rig.start({ url, life, partitions: PARTITIONS, bufferCharsMax: CHARS });
  await until(() => rig.clients.every(({ up }) => up), BOUND_MS);
});
afterEach(() => rig.stop());

/** The other end of a connection, as the stream knows it. */
class TestPace implements Pace {
  isOpen = true;
  closedMs = 0;
  private tell: (() => void) | undefined;

  whenOpen(tell: () => void): () => void {
    this.tell = tell;
    return () => (this.tell = undefined);
  }

  close(closedMs: number): void {
    [this.isOpen, this.closedMs] = [false, closedMs];
  }

  open(): void {
    [this.isOpen, this.closedMs] = [true, 0];
    this.tell?.();
  }
}

async function follow(request: EventsRequest) {
  const pace = new TestPace();
  const frames: EventFrame[] = [];
  const stream = rig.live.events(request);
  let failure: unknown;
  const take = async (frame: EventFrame): Promise<void> =>
    await Promise.resolve(void frames.push(frame));
  const over = stream.each(pace, take).catch((error: unknown) => {
    failure = error instanceof LiveFailure ? error.error : error;
  });
  await until(() => frames.length > 0 && rig.thread.isFollowed(0), BOUND_MS);
  const got = (): string[] => places(frames.flatMap(({ events }) => events));
  return { pace, stream, over, got, failure: () => failure };
}

const said = (name: string, chars = 0) =>
  eventOf(name, { data: chars === 0 ? null : { text: 'x'.repeat(chars) } });

/** What a slow one has, and gets when it goes on where it was told to. */
async function resumed(slow: Awaited<ReturnType<typeof follow>>, count: number) {
  const { resume } = slow.failure() as { readonly resume: string };
  const before = slow.got();
  const again = rig.live.events({ ...ALL, after: resume });
  const { events } = await read(again, count - before.length);
  await again.return?.();
  return [...before, ...places(events)];
}

describe('a reader whose connection takes nothing', () => {
  it('ends when that has lasted and something lies there, and loses nothing', async () => {
    const slow = await follow(ALL);
    const quick = rig.live.events(ALL);
    await snapshot(rig, quick);
    await rig.thread.one(0, said('a'));
    await until(() => slow.got().length === 1, BOUND_MS);
    slow.pace.close(STREAM.stalledMsMax - 1);
    for (const name of ['b', 'c']) await rig.thread.one(0, said(name));
    const first = await read(quick, 3);
    expect([slow.got().length, slow.failure()]).toEqual([1, undefined]);
    slow.pace.close(STREAM.stalledMsMax);
    await rig.thread.one(0, said('d'));
    await slow.over;
    expect(slow.failure()).toMatchObject({ kind: 'SLOW_CONSUMER' });
    const expected = places([...first.events, ...(await read(quick, 1)).events]);
    expect(await resumed(slow, 4)).toEqual(expected);
    await leave(quick);
  });

  it('goes on when it takes something in time, with all that lay there', async () => {
    const slow = await follow(ALL);
    const quick = rig.live.events(ALL);
    await snapshot(rig, quick);
    // However long: what comes first meets nothing that lies there.
    slow.pace.close(STREAM.stalledMsMax);
    await rig.thread.one(0, said('a'));
    const first = await read(quick, 1);
    slow.pace.close(STREAM.stalledMsMax - 1);
    for (const name of ['b', 'c']) await rig.thread.one(0, said(name));
    const expected = places([...first.events, ...(await read(quick, 2)).events]);
    expect(slow.got()).toEqual([]);
    slow.pace.open();
    await until(() => slow.got().length === 3, BOUND_MS);
    expect(slow.got()).toEqual(expected);
    expect(slow.failure()).toBeUndefined();
    await leave(slow.stream, quick);
  });
});

it('a few large events are as much as many small ones', async () => {
  const slow = await follow(ALL);
  const quick = rig.live.events(ALL);
  await snapshot(rig, quick);
  const total = 10;
  const all = read(quick, total);
  slow.pace.close(0);
  for (let i = 0; i < total; i++) await rig.thread.one(0, said(`r${i}`, 4_000));
  await slow.over;
  expect(slow.failure()).toMatchObject({ kind: 'SLOW_CONSUMER' });
  expect(await resumed(slow, total)).toEqual(places((await all).events));
  await leave(quick);
});
