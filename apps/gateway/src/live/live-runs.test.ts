import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom, until } from '#actor';
import type { RunEvent } from '#core';
import { CursorCodec } from '#feed';
import type { Live } from '#protocol';
import { decodeSegment } from '#protocol';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import type { EventsRequest } from './live-runs.js';
import { failureOf, frameOf, inOrder, leave, places, read, snapshot } from './testkit/reading.js';
import { Rig } from './testkit/rig.js';
import { PROJECT, STRANGER, eventOf } from './testkit/thread.js';

const PARTITIONS = 8;
const BOUND_MS = 8_000;
const BUFFER = 200;
const COMMITS_MAX = 20_000;
const ALL: EventsRequest = { projects: [PROJECT], filter: {} };

let database: TestDatabase;
let rig: Rig;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());
beforeEach(async () => {
  const { url, life } = database;
  rig = await Rig.start({ url, life, partitions: PARTITIONS, bufferEventsMax: BUFFER });
  await until(() => rig.clients.every(({ up }) => up), BOUND_MS);
});
afterEach(() => rig.stop());

async function journal(partition?: number): Promise<(RunEvent & { partition: number })[]> {
  const { rows } = await database.admin.query<{ partition: number; seq: string; text: string }>(
    `select partition, seq, convert_from(events, 'UTF8') as text from journal
     where $1::int2 is null or partition = $1 order by partition, seq`,
    [partition ?? null],
  );
  return rows.flatMap(({ partition: of, seq, text }) =>
    decodeSegment(text, Number(seq)).map((event) => ({ ...event, partition: of })),
  );
}

/** Loses, repeats and holds back; what is held back comes after what is said next. */
function trouble(seed: number): (item: Live) => readonly Live[] {
  const random = seededRandom(seed);
  let late: Live | undefined;
  return (item) => {
    const chance = random();
    const before = late === undefined ? [] : [late];
    late = undefined;
    if (chance < 0.15) return before;
    if (chance < 0.3) return [item, ...before, item];
    if (chance < 0.45) {
      late = item;
      return before;
    }
    return [item, ...before];
  };
}

describe('events', () => {
  it('begin with the cursor of now, and go on from there', async () => {
    await rig.thread.one(3, eventOf('before'));
    const stream = rig.live.events(ALL);
    await snapshot(rig, stream);
    await rig.thread.one(3, eventOf('a'), eventOf('b'));
    const { events, cursor } = await read(stream, 2);
    expect(events.map(({ run }) => run)).toEqual(['a', 'b']);
    await stream.return?.();
    await rig.thread.one(3, eventOf('c'));
    const again = rig.live.events({ ...ALL, after: cursor });
    expect((await read(again, 1)).events.map(({ run }) => run)).toEqual(['c']);
    await again.return?.();
  });

  it('dropped under load and resumed from the last cursor: the union is the journal', async () => {
    rig.thread.fault = trouble(7);
    const random = seededRandom(11);
    let stream = rig.live.events(ALL);
    let cursor = await snapshot(rig, stream);
    const already = new Set(places(await journal()));
    let drops = 0;
    let isProducing = true;
    const isEnough = (): boolean => drops >= 10;
    const producing = produce(isEnough, seededRandom(5)).finally(() => (isProducing = false));
    const got: string[] = [];
    const expected = async (): Promise<string[]> =>
      places(await journal()).filter((place) => !already.has(place));
    for (let complete = false; !complete; ) {
      const frame = await frameOf(stream);
      got.push(...places(frame.events));
      ({ cursor } = frame);
      if (frame.isLast || random() < 0.5) {
        drops++;
        await stream.return?.();
        stream = rig.live.events({ ...ALL, after: cursor });
      }
      complete = !isProducing && got.length >= (await expected()).length;
    }
    await producing;
    await stream.return?.();
    expect(got.toSorted()).toEqual((await expected()).toSorted());
    expect(inOrder(got)).toBe(true);
    expect(rig.thread.unsaid).toBeGreaterThan(0);
  });

  it('repeated, reordered and lost on the wire: each once, in order', async () => {
    rig.thread.fault = trouble(3);
    const stream = rig.live.events({ ...ALL, partition: 2 });
    await snapshot(rig, stream, 2);
    const already = (await journal(2)).length;
    for (let i = 0; i < 80; i++) await rig.thread.one(2, eventOf(`r${i}`), eventOf(`s${i}`));
    const { events } = await read(stream, 160);
    expect(places(events)).toEqual(places((await journal(2)).slice(already)));
    await stream.return?.();
  });

  it('the last segment before a silence, lost on the wire, is there within 2 s', async () => {
    const stream = rig.live.events(ALL);
    await snapshot(rig, stream, 5);
    rig.thread.fault = () => [];
    // The first is found by the look that follows a new follower, the others by that of a second.
    for (const run of ['a', 'b', 'c']) {
      await rig.thread.one(5, eventOf(run));
      const committed = performance.now();
      expect((await read(stream, 1)).events.map((event) => event.run)).toEqual([run]);
      expect(performance.now() - committed).toBeLessThan(2_000);
    }
    expect(rig.thread.unsaid).toBe(3);
    await stream.return?.();
  });

  it("another project's events never come, live or replayed", async () => {
    const stream = rig.live.events(ALL);
    const start = await snapshot(rig, stream);
    const theirs = eventOf('theirs', { project: STRANGER });
    await rig.thread.one(0, theirs, eventOf('ours'), theirs);
    expect((await read(stream, 1)).events.map(({ run }) => run)).toEqual(['ours']);
    await stream.return?.();
    const again = rig.live.events({ ...ALL, after: start });
    await rig.thread.one(0, theirs, eventOf('last'));
    const { events } = await read(again, 2);
    expect(events.map(({ run }) => run)).toEqual(['ours', 'last']);
    await again.return?.();
  });

  it('a slow reader ends with a cursor that loses nothing, and nobody else notices', async () => {
    const slow = rig.live.events(ALL);
    const quick = rig.live.events(ALL);
    await snapshot(rig, slow);
    await snapshot(rig, quick);
    const total = BUFFER * 4;
    const reading = read(quick, total);
    for (let i = 0; i < total; i += 10) {
      await rig.thread.one(0, ...Array.from({ length: 10 }, (_, n) => eventOf(`r${i + n}`)));
    }
    const { events } = await reading;
    expect(events).toHaveLength(total);
    await until(() => rig.live.counts.eventStreams === 1, BOUND_MS);
    const failure = await failureOf(slow);
    expect(failure).toMatchObject({ kind: 'SLOW_CONSUMER' });
    const { resume } = failure as { resume: string };
    const again = rig.live.events({ ...ALL, after: resume });
    expect(places((await read(again, total)).events)).toEqual(places(events));
    await leave(again, quick);
  });

  it('a replay far longer than the buffer is read at its reader’s pace', async () => {
    const stream = rig.live.events({ ...ALL, partition: 1 });
    const start = await snapshot(rig, stream, 1);
    await stream.return?.();
    const already = (await journal(1)).length;
    for (let i = 0; i < 30; i++) {
      await rig.thread.one(1, ...Array.from({ length: 100 }, (_, n) => eventOf(`r${i}.${n}`)));
    }
    const again = rig.live.events({ ...ALL, partition: 1, after: start });
    const { events } = await read(again, 3_000);
    expect(places(events)).toEqual(places((await journal(1)).slice(already)));
    await again.return?.();
  });

  it('go on through reads of the replay that fail', async () => {
    const stream = rig.live.events({ ...ALL, partition: 7 });
    const start = await snapshot(rig, stream, 7);
    await stream.return?.();
    await rig.thread.one(7, eventOf('a'), eventOf('b'));
    // The first aim, and the page after the second.
    const again = rig.live.events({ ...ALL, partition: 7, after: start });
    rig.failing = 1;
    const reading = read(again, 2);
    await until(() => rig.failing === 0, BOUND_MS);
    rig.failing = 1;
    expect((await reading).events.map(({ run }) => run)).toEqual(['a', 'b']);
    expect(rig.failing).toBe(0);
    await again.return?.();
  });

  it('go on through a broker that is away', async () => {
    const stream = rig.live.events(ALL);
    await snapshot(rig, stream);
    await rig.clients[0].stop();
    await rig.thread.one(4, eventOf('a'));
    expect((await read(stream, 1)).events.map(({ run }) => run)).toEqual(['a']);
    await stream.return?.();
  });
});

describe('cursors', () => {
  it('older than the journal is kept: CURSOR_EXPIRED with the oldest, which works', async () => {
    const stream = rig.live.events({ ...ALL, partition: 6 });
    const start = await snapshot(rig, stream, 6);
    await stream.return?.();
    await rig.thread.one(6, eventOf('dropped'));
    // As retention does it: whole tables go.
    await database.admin.query('truncate journal');
    await rig.thread.one(6, eventOf('kept'));
    const late = rig.live.events({ ...ALL, partition: 6, after: start });
    // The oldest place cannot be read at first: who is late hears of it all the same.
    rig.failing = 3;
    const failure = await failureOf(late);
    expect(failure).toMatchObject({ kind: 'CURSOR_EXPIRED' });
    const { oldest } = failure as { oldest: string };
    const again = rig.live.events({ ...ALL, partition: 6, after: oldest });
    expect((await read(again, 1)).events.map(({ run }) => run)).toEqual(['kept']);
    await again.return?.();
    expect(rig.feed.counts).toMatchObject({ leases: 0, partitions: 0 });
  });

  it('that nobody was given are bad', async () => {
    const one = rig.live.events({ ...ALL, partition: 0 });
    const narrow = await snapshot(rig, one);
    await one.return?.();
    for (const after of ['', 'nonsense', narrow, ahead(PARTITIONS), ahead(3)]) {
      expect(await failureOf(rig.live.events({ ...ALL, after }))).toEqual({ kind: 'BAD_CURSOR' });
    }
    expect(rig.feed.counts).toMatchObject({ leases: 0, listeners: 0 });
  });
});

async function produce(isEnough: () => boolean, random: () => number): Promise<void> {
  for (let i = 0; !isEnough(); i++) {
    if (i >= COMMITS_MAX) throw new Error('the reader gets nothing');
    const events = new Map<number, RunEvent[]>();
    for (let k = 0; k < 3; k++) {
      const partition = Math.floor(random() * PARTITIONS);
      events.set(partition, [eventOf(`r${i}`), eventOf(`s${i}`)]);
    }
    await rig.thread.commit(events);
  }
}

/** A cursor of so many partitions, further than anything. */
function ahead(partitions: number): string {
  const heads = Array.from({ length: partitions }, () => 1_000_000_000);
  return new CursorCodec(database.life).encode({ kind: 'all', heads });
}
