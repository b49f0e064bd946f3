import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { type LogKey, type LogRow, type RunRow, findRuns, readLogs } from '#postgres';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../testkit/gateway.js';
import { TestOwner } from '../testkit/owner.js';
import { LOGS } from './live-logs.service.js';
import { LogRig, textOf } from './testkit/log-rig.js';

const BOUND_MS = 8_000;
const DONE = { done: true, value: undefined };
const NOTHING = { streams: 0, waiting: 0, reading: 0, timers: 0 };
let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
let rig: LogRig;

beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
});
afterAll(async () => {
  await owner.stop();
  await gateway.stop();
  await database.stop();
});
beforeEach(() => {
  rig = new LogRig(database.url, gateway.reader);
});
afterEach(async () => {
  await rig.stop();
  expect(rig.logs.counts).toEqual(NOTHING);
  expect(rig.clock.pending).toBe(0);
});

async function newRun(): Promise<RunRow> {
  const { run } = await gateway.get<{ run: { id: string; project: { id: string } } }>(
    `mutation { submitRun(input: { project: "demo", job: "noop" }) {
      run { id project { id } } } }`,
  );
  const [row] = await findRuns(gateway.reader, [run.project.id], [run.id]);
  if (row === undefined) throw new Error(`run ${run.id} was not written`);
  return row;
}
const end = (run: RunRow): Promise<void> => owner.finish(run, 'SUCCEEDED', 'SUCCEEDED');
/** Lines of two characters, each a chunk: `0\n1\n2\n`. */
const lines = (from: number, to: number, more: object = {}) =>
  Array.from({ length: to - from }, (_, i) => {
    return { offset: (from + i) * 2, body: `${(from + i) % 10}\n`, ...more };
  });

describe('a log', () => {
  it('is what was written, then what is written, and ends with its run', async () => {
    const run = await newRun();
    await rig.append(run, ...lines(0, 2));
    const log = rig.follow(run);
    expect(textOf(await rig.take(log, 2))).toBe('0\n1\n');
    const next = log.next();
    await rig.append(run, ...lines(2, 3));
    expect((await rig.passing(next)).value).toMatchObject({ text: '2\n', offset: 4, gap: null });
    await rig.append(run, ...lines(3, 4, { offset: 10 }));
    await end(run);
    const rest = await rig.take(log);
    expect(rest.map(({ text, gap }) => [text, gap])).toEqual([['3\n', 4]]);
    expect(await log.next()).toEqual(DONE);
  });

  it('that comes a little after the result is not lost', async () => {
    const run = await newRun();
    const log = rig.follow(run);
    const first = log.next();
    await end(run);
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    rig.poll(); // it is seen to be final
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    rig.clock.advance(LOGS.lateMs - 1);
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    await rig.append(run, { body: 'late' });
    expect(await rig.passing(first)).toMatchObject({ value: { text: 'late' } });
    expect(await rig.take(log)).toEqual([]);
  });

  it('of a run that has long been final ends with its last chunk, in one read', async () => {
    const run = await newRun();
    await rig.append(run, ...lines(0, 3));
    await end(run);
    const log = rig.follow(run, { finishedAt: rig.clock.now() - LOGS.longAgoMs });
    expect(textOf(await rig.take(log))).toBe('0\n1\n2\n');
    expect(rig.reads).toEqual([[1, LOGS.pageChunks]]);
  });

  it('of one attempt is not that of the others, however long they are', async () => {
    const run = await newRun();
    await rig.append(run, ...lines(0, 100));
    const log = rig.follow(run, { attempt: 2 });
    const first = log.next();
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    rig.poll();
    // Those of the others were passed over once, and not at each poll.
    const page = await readLogs(gateway.reader, [{ ...(rig.asked[0] as LogKey), after: 0 }], 1);
    expect(rig.asked.map(({ after }) => after)).toEqual(page.map(({ head }) => head));
    await rig.append(run, ...lines(100, 150), { attempt: 2, body: 'mine' }, ...lines(150, 151));
    expect((await rig.passing(first)).value).toMatchObject({ attempt: 2, text: 'mine' });
    await end(run);
    expect(await rig.take(log)).toEqual([]);
  });

  it('waits while the database is away, and says so once', async () => {
    const run = await newRun();
    rig.failing = 4;
    const log = rig.follow(run);
    const first = log.next();
    await rig.append(run, ...lines(0, 1));
    expect((await rig.passing(first)).value).toMatchObject({ text: '0\n' });
    expect(rig.warned).toBe(1);
    await log.return?.();
  });
});

describe('a cursor', () => {
  it('goes on without a repeated or a missing byte, while two schedulers append', async () => {
    const run = await newRun();
    const [one, two] = [rig, new LogRig(database.url, gateway.reader)];
    const count = 240;
    const write = async (by: LogRig, stream: number): Promise<void> => {
      for (let at = 0; at < count; at += 3) {
        await by.append(run, ...lines(at, at + 3, { stream }));
      }
    };
    const written = Promise.all([write(one, 0), write(two, 1)]).then(() => end(run));
    const rows: LogRow[] = [];
    for (let turn = 1; ; turn++) {
      const log = rig.follow(run, { after: rows.at(-1)?.seq ?? 0 });
      const some = await rig.take(log, turn * 7);
      rows.push(...some);
      await log.return?.();
      if (some.length === 0) break;
    }
    await written;
    await two.stop();
    const whole = lines(0, count);
    for (const stream of [0, 1]) {
      const own = rows.filter((row) => row.stream === stream);
      expect(own.map(({ offset }) => offset)).toEqual(whole.map(({ offset }) => offset));
      expect(textOf(own)).toBe(whole.map(({ body }) => body).join(''));
    }
    expect(rows).toHaveLength(2 * count);
    expect(rows.filter(({ gap }) => gap !== null)).toEqual([]);
  });
});

describe('many followers', () => {
  it('200 of one run cause one read, then one poll a period', async () => {
    const run = await newRun();
    await rig.append(run, ...lines(0, 5));
    const logs = Array.from({ length: 200 }, () => rig.follow(run));
    const read = await Promise.all(logs.map((log) => rig.take(log, 5)));
    expect(new Set(read.map(textOf))).toEqual(new Set(['0\n1\n2\n3\n4\n']));
    expect(rig.reads).toEqual([[1, LOGS.pageChunks]]);
    for (let period = 1; period <= 3; period++) {
      const nexts = logs.map((log) => log.next());
      await until(() => rig.logs.counts.waiting === 200, BOUND_MS);
      await rig.append(run, ...lines(4 + period, 5 + period));
      rig.clock.advance(LOGS.pollMs - 1);
      expect(rig.reads).toHaveLength(period);
      rig.clock.advance(1);
      const texts = (await Promise.all(nexts)).map(({ value }) => (value as LogRow).text);
      expect(new Set(texts)).toEqual(new Set([`${4 + period}\n`]));
      expect(rig.reads.slice(period)).toEqual([[1, LOGS.pollChunks]]);
    }
    for (const log of logs) await log.return?.();
  });

  it('of many runs share the poll, each with its own', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => newRun()));
    const logs = runs.map((run) => rig.follow(run));
    const nexts = logs.map((log) => log.next());
    await until(() => rig.logs.counts.waiting === runs.length, BOUND_MS);
    for (const run of runs) await rig.append(run, { body: run.id });
    const before = rig.reads.length;
    rig.poll();
    const steps = await Promise.all(nexts);
    expect(steps.map(({ value }) => (value as LogRow).text)).toEqual(runs.map(({ id }) => id));
    expect(rig.reads.slice(before)).toEqual([[runs.length, LOGS.pollChunks]]);
    for (const log of logs) await log.return?.();
  });

  it('who does not read holds a page and nobody back, and misses nothing', async () => {
    const run = await newRun();
    const count = 5 * LOGS.pageChunks;
    await rig.append(run, ...lines(0, 1));
    const [slow, quick] = [rig.follow(run), rig.follow(run)];
    await Promise.all([slow.next(), quick.next()]);
    await rig.append(run, ...lines(1, count));
    const read = textOf(await rig.take(quick, count - 1));
    const whole = lines(0, count).map(({ body }) => body);
    expect(read).toBe(whole.slice(1).join(''));
    // Nothing was read for the one who asked for nothing.
    expect(rig.logs.counts).toMatchObject({ waiting: 0, reading: 0, timers: 0 });
    await end(run);
    expect(textOf(await rig.take(slow))).toBe(whole.slice(1).join(''));
    expect(await rig.take(quick)).toEqual([]);
  });

  it('who leaves while waiting leaves at once; nobody waits, nobody polls', async () => {
    const run = await newRun();
    const log = rig.follow(run);
    const waiting = [log.next(), log.next()];
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    expect(rig.clock.pending).toBe(1);
    expect(await log.return?.()).toEqual(DONE);
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    expect(rig.clock.pending).toBe(0);
  });

  it('several questions of one reader are answered in order, and asked once', async () => {
    const run = await newRun();
    const log = rig.follow(run);
    const asked = [log.next()];
    await until(() => rig.logs.counts.waiting === 1, BOUND_MS);
    await rig.append(run, ...lines(0, 4));
    rig.poll();
    asked.push(log.next());
    const steps = await Promise.all(asked);
    expect(steps.map(({ value }) => (value as LogRow).text).join('')).toBe('0\n1\n');
    // Two are not yet taken: a page more would take their place.
    expect(rig.logs.counts).toMatchObject({ waiting: 0, reading: 0, timers: 0 });
    expect(textOf(await rig.take(log, 2))).toBe('2\n3\n');
    await log.return?.();
  });
});
