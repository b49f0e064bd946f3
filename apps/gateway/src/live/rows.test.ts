import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import type { RunTraitsRow } from '#postgres';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { FRAME_MS } from './frame-clock.js';
import type { EventsRequest, RowFilter } from './live-runs.js';
import { failureOf, leave, read, snapshot } from './testkit/reading.js';
import { Rig } from './testkit/rig.js';
import { PROJECT, eventOf } from './testkit/thread.js';

const PARTITIONS = 4;
const BOUND_MS = 8_000;
const BUFFER = 50;

let database: TestDatabase;
let rig: Rig;
/** The rows as they are, and what was asked of them. */
const rows = new Map<string, RunTraitsRow>();
let asked: string[] = [];
let failing = 0;
let held: Promise<void> | undefined;
let frameMs: number;

async function readTraits(project: string, runs: readonly string[]): Promise<RunTraitsRow[]> {
  expect(project).toBe(PROJECT);
  asked.push(...runs);
  await held;
  if (failing > 0) {
    failing--;
    throw new Error('the connection was lost');
  }
  return runs.flatMap((run) => rows.get(run) ?? []);
}
const put = (id: string, labels: Record<string, string>, more: Partial<RunTraitsRow> = {}) =>
  rows.set(id, { id, kind: 'SHELL', submittedAt: 1_000, labels, ...more });

const labelled = (labels: Record<string, string>): EventsRequest => of({ labels: mapOf(labels) });
const mapOf = (labels: Record<string, string>) => new Map(Object.entries(labels));
const of = (row: RowFilter): EventsRequest => ({ projects: [PROJECT], filter: {}, row });

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());
beforeEach(async () => {
  const { url, life } = database;
  const bufferEventsMax = BUFFER;
  frameMs = FRAME_MS;
  const options = { url, life, partitions: PARTITIONS, bufferEventsMax, readTraits };
  rig = await Rig.start({ ...options, frameMs: () => frameMs });
  await until(() => rig.clients.every(({ up }) => up), BOUND_MS);
  rows.clear();
  asked = [];
  failing = 0;
  held = undefined;
});
afterEach(() => rig.stop());

const runsOf = ({ events }: { events: readonly { run: string }[] }): string[] =>
  events.map(({ run }) => run);

describe('a filter by what the row says', () => {
  it('passes runs with all of the labels, live and replayed', async () => {
    put('ours', { team: 'data', tier: '1' });
    put('theirs', { team: 'web', tier: '1' });
    put('none', {});
    const stream = rig.live.events(labelled({ tier: '1', team: 'data' }));
    const after = await snapshot(rig, stream);
    await rig.thread.one(0, ...['theirs', 'none', 'ours', 'gone'].map((run) => eventOf(run)));
    await rig.thread.one(1, eventOf('ours'));
    const live = await read(stream, 2);
    expect(runsOf(live)).toEqual(['ours', 'ours']);
    const replayed = rig.live.events({ ...labelled({ team: 'data', tier: '1' }), after });
    expect(runsOf(await read(replayed, 2))).toEqual(['ours', 'ours']);
    // The cursor behind it leaves out nothing and repeats nothing.
    await rig.thread.one(1, eventOf('theirs'), eventOf('ours', { type: 'FINISHED' }));
    const again = rig.live.events({ ...labelled({ team: 'data' }), after: live.cursor });
    expect((await read(again, 1)).events.map(({ type }) => type)).toEqual(['FINISHED']);
    await leave(stream, replayed, again);
    expect(rig.live.counts).toMatchObject({ tails: 0, projectsRead: 0 });
    expect(rig.feed.counts).toMatchObject({ leases: 0, listeners: 0 });
  });

  it('by kind and by when it was submitted', async () => {
    put('early', {}, { submittedAt: 1_000 });
    put('late', {}, { submittedAt: 2_000, kind: 'HTTP' });
    const streams = [
      of({ kinds: new Set(['HTTP']) }),
      of({ submittedAfter: 1_000 }),
      of({ submittedBefore: 2_000 }),
    ].map((request) => rig.live.events(request));
    for (const stream of streams) await snapshot(rig, stream);
    await rig.thread.one(0, eventOf('early'), eventOf('late'));
    const got = await Promise.all(streams.map(async (stream) => runsOf(await read(stream, 1))));
    expect(got).toEqual([['late'], ['late'], ['early']]);
    await leave(...streams);
  });

  it('a run is read once, however many follow, and anew when it has changed', async () => {
    put('run', { team: 'data' });
    const data = rig.live.events(labelled({ team: 'data' }));
    const web = rig.live.events(labelled({ team: 'web' }));
    await snapshot(rig, data);
    await snapshot(rig, web);
    await rig.thread.one(0, eventOf('run', { type: 'SUBMITTED' }));
    await rig.thread.one(0, eventOf('run', { type: 'READY' }));
    expect((await read(data, 2)).events.map(({ type }) => type)).toEqual(['SUBMITTED', 'READY']);
    expect(asked).toEqual(['run']);
    put('run', { team: 'web' });
    await rig.thread.one(0, eventOf('run', { type: 'CHANGED' }));
    await rig.thread.one(0, eventOf('run', { type: 'STARTED' }));
    const types = (await read(web, 2)).events.map(({ type }) => type);
    expect(types).toEqual(['CHANGED', 'STARTED']);
    await leave(data, web);
  });

  it('rows are read as their events come, and not when their frame is due', async () => {
    put('a', { team: 'data' });
    put('b', { team: 'data' });
    frameMs = 60_000;
    const stream = rig.live.events(labelled({ team: 'data' }));
    await snapshot(rig, stream);
    await rig.thread.one(0, eventOf('a'));
    expect(runsOf(await read(stream, 1))).toEqual(['a']);
    await rig.thread.one(0, eventOf('b'));
    await until(() => asked.includes('b'), BOUND_MS);
    expect(asked).toEqual(['a', 'b']);
    await leave(stream);
  });

  it('a change is heard by streams that do not ask for it', async () => {
    put('run', { team: 'data' });
    const filter = { states: new Set(['READY', 'SUCCEEDED'] as const) };
    const stream = rig.live.events({ ...labelled({ team: 'data' }), filter });
    await snapshot(rig, stream);
    await rig.thread.one(0, eventOf('run', { to: 'READY' }));
    expect(runsOf(await read(stream, 1))).toEqual(['run']);
    put('run', { team: 'web' });
    put('other', { team: 'data' });
    await rig.thread.one(0, eventOf('run', { type: 'CHANGED', to: 'PAUSED' }));
    await rig.thread.one(0, eventOf('run', { to: 'SUCCEEDED' }), eventOf('other'));
    expect(runsOf(await read(stream, 1))).toEqual(['other']);
    await leave(stream);
  });

  it('a row that cannot be read is asked for again, and nothing overtakes it', async () => {
    put('a', { team: 'data' });
    put('b', { team: 'data' });
    const stream = rig.live.events(labelled({ team: 'data' }));
    await snapshot(rig, stream);
    failing = 2;
    await rig.thread.one(0, eventOf('a'));
    await rig.thread.one(0, eventOf('b'));
    expect(runsOf(await read(stream, 2))).toEqual(['a', 'b']);
    expect(failing).toBe(0);
    await leave(stream);
  });

  it('when rows cannot be read for long, it ends with a cursor that loses nothing', async () => {
    put('run', { team: 'data' });
    const stream = rig.live.events(labelled({ team: 'data' }));
    await snapshot(rig, stream);
    let answer = (): void => undefined;
    held = new Promise((resolve) => (answer = resolve));
    const total = BUFFER * 4;
    for (let i = 0; i < total; i += 10) {
      await rig.thread.one(0, ...Array.from({ length: 10 }, () => eventOf('run')));
    }
    const failure = await failureOf(stream);
    expect(failure).toMatchObject({ kind: 'SLOW_CONSUMER' });
    answer();
    const after = (failure as { resume: string }).resume;
    const again = rig.live.events({ ...labelled({ team: 'data' }), after });
    expect((await read(again, total)).events).toHaveLength(total);
    await leave(again);
  });
});
