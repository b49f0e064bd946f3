import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunRow, findRuns, readAside, readPlace, readRunTimes } from '#postgres';
import { SINCE, WaitingRig, executorOf, readyIn } from './testkit/waiting-rig.js';

const LATER = '2099-01-01T00:00:00.000Z';
const GRANTED_AT = '2026-01-02T03:04:05.000Z';
const NOOP = ['function:noop'];
let rig: WaitingRig;
/** Of its own for each test. */
let lane: string;
let lanes = 100;

beforeAll(async () => {
  rig = await WaitingRig.start();
  await rig.executors([
    executorOf('far', 'elsewhere', NOOP),
    executorOf('useless', 'elsewhere', ['shell']),
    executorOf('lacks', 'lacking', ['shell', 'http']),
    executorOf('able', 'lacking', NOOP, { state: 'OFFLINE' }),
    executorOf('away', 'lacking', NOOP, { state: 'DRAINING' }),
    executorOf('bouncer', 'bouncing', NOOP),
    executorOf('busy', 'full', NOOP, { slots: 3 }),
    executorOf('also', 'full', ['function:noop', 'shell'], { slots: 5 }),
    executorOf('rests', 'full', NOOP, { slots: 9, state: 'CORDONED' }),
  ]);
});
afterAll(() => rig.stop());
beforeEach(() => {
  lane = String(++lanes);
});

const ready = async (pool = 'empty', rank = 1): Promise<RunRow> => {
  const run = await rig.submit({}, pool);
  await rig.owner.move(run, 'READY', { lane, rank });
  return run;
};
const setAside = async (run: RunRow, error: string): Promise<void> => {
  const row = { id: randomUUID(), run: run.id, kind: 'update', bytes: null, error };
  await rig.owner.put(run.partition, { aside: [row] });
};

describe('a time', () => {
  it('of a run that nobody has taken in yet is its time, as of one that is', async () => {
    const run = await rig.submit({ at: LATER });
    expect(await rig.why(run)).toMatchObject({ kind: 'NOT_DUE', until: LATER });
    await rig.owner.move(run, 'SCHEDULED', { lane: '0', rank: Date.parse(LATER) });
    expect(await rig.why(run)).toMatchObject({ kind: 'NOT_DUE', until: LATER });
  });

  it('that is over is the delay of a retry, and ends when it says', async () => {
    const run = await rig.submit();
    await rig.owner.move(run, 'WAITING_RETRY', { lane: '0', rank: Date.parse(LATER), attempt: 2 });
    const { text, ...rest } = await rig.why(run);
    expect(rest).toMatchObject({ kind: 'RETRY_DELAY', until: LATER });
    expect(text).toContain('Attempt 2 failed');
  });
});

describe('an executor', () => {
  it('that was told and has not confirmed', async () => {
    const run = await ready();
    await rig.open(run, 'GRANTED', Date.parse(GRANTED_AT));
    const { text, ...rest } = await rig.why(run);
    expect(rest).toMatchObject({ kind: 'EXECUTOR_SILENT', name: 'x' });
    expect(text).toContain(`Executor x was told of it at ${GRANTED_AT}`);
  });

  it('that is silent', async () => {
    const run = await ready();
    await rig.open(run, 'UNKNOWN', Date.parse(GRANTED_AT));
    expect(await rig.why(run)).toMatchObject({
      kind: 'EXECUTOR_SILENT',
      name: 'x',
      text: 'Its executor x is silent.',
    });
  });

  it('of which there is none: who comes near, and what each lacks, the nearest first', async () => {
    const run = await ready('lacking');
    const said = await rig.why(run);
    expect(said).toMatchObject({
      kind: 'NO_EXECUTOR',
      name: 'lacking',
      used: 0,
      limit: 0,
      text: 'None of the 1 active executors of pool lacking can run the function noop.',
      hint: 'Start an executor in pool lacking that offers function:noop.',
    });
    const since = `since ${SINCE}.`;
    expect(said.nearest).toEqual([
      `able could run it, but is OFFLINE ${since}`,
      `away could run it, but is DRAINING ${since}`,
      ...['also', 'bouncer', 'busy'].map(
        (id) => `${id} could run it, but is of pool ${id === 'bouncer' ? 'bouncing' : 'full'}.`,
      ),
    ]);
  });

  it('that lacks what is needed says what it offers', async () => {
    const run = await rig.submit({ spec: { kind: 'function', name: 'rare', pool: 'lacking' } });
    await rig.owner.move(run, 'READY', { lane, rank: 1 });
    expect((await rig.why(run)).nearest).toEqual([
      'able lacks the function rare: it offers function:noop.',
      'away lacks the function rare: it offers function:noop.',
      'lacks lacks the function rare: it offers shell, http.',
    ]);
  });

  it('of which the pool has none at all', async () => {
    expect(await rig.why(await ready())).toMatchObject({
      kind: 'NO_EXECUTOR',
      text: 'No executor of pool empty is active.',
    });
  });

  it('that has sent it back too often is left out, until it says', async () => {
    const run = await rig.submit({}, 'bouncing');
    const bounces = { bouncer: [3, Date.parse(LATER)] };
    const record = JSON.stringify({ attempts: [], seqs: [], bounces });
    await rig.owner.move(run, 'READY', { lane, rank: 1, record });
    const said = await rig.why(run);
    expect(said).toMatchObject({ kind: 'NO_EXECUTOR', until: LATER });
    expect(said.nearest?.[0]).toBe(
      `bouncer has sent it back too often and is left out until ${LATER}.`,
    );
  });
});

describe('a slot', () => {
  it('names the limit, and its place in line over all partitions', async () => {
    const line: RunRow[] = [];
    for (let rank = 1; rank <= 9; rank++) line.push(await ready('full', rank));
    expect(new Set(line.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    const places = await Promise.all(line.map((run) => rig.why(run)));
    expect(places.map(({ place }) => place)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(places[8]).toMatchObject({ kind: 'SLOTS', name: 'full', limit: 8, used: 0 });
    expect(places[8]?.text).toBe(
      'It waits for one of the 8 slots of pool full: 0 are taken. ' +
        '8 runs stand before it, of its project, priority and need.',
    );
    expect(places[1]?.text).toContain('1 run stands before it');
    expect(places[0]?.text).toContain('It is the next of its kind.');
    // An open attempt leaves its run's row in the lane; other lanes are no matter.
    const [first, second] = line as [RunRow, RunRow];
    await rig.open(first, 'RUNNING', Date.parse(GRANTED_AT));
    await rig.owner.move(second, 'READY', { lane: String(++lanes), rank: 0 });
    expect((await rig.why(line[8] as RunRow)).place).toBe(6);
  });

  it('far behind is said without counting all', async () => {
    const run = await ready('full', 1_000_000);
    const { results } = await rig.gateway.get<{ results: { run: { id: string } }[] }>(
      `mutation ($input: SubmitRunsInput!) { submitRuns(input: $input) {
        results { run { id } } } }`,
      {
        input: {
          project: 'demo',
          items: Array.from({ length: 1_100 }, () => ({ project: 'demo', job: 'noop' })),
        },
      },
    );
    const ids = results.map(({ run: { id } }) => id);
    const rows = await findRuns(rig.gateway.reader, [run.project], ids);
    for (const partition of new Set(rows.map((row) => row.partition))) {
      const mine = rows.filter((row) => row.partition === partition);
      await rig.owner.put(partition, { changed: mine.map(({ id }, i) => readyIn(id, lane, i)) });
    }
    const said = await rig.why(run);
    expect(said.place).toBe(1_000);
    expect(said.text).toContain('At least 1000 runs stand before it');
  });
});

describe('a person', () => {
  it('who has paused it', async () => {
    const run = await rig.submit();
    const paused = { from: 'READY', by: 'ada', reason: 'month end', at: 1 };
    const record = JSON.stringify({ attempts: [], seqs: [], paused });
    await rig.owner.move(run, 'PAUSED', { record });
    expect(await rig.why(run)).toMatchObject({ kind: 'PAUSED', name: 'ada' });
    const held = JSON.stringify({ attempts: [], seqs: [], paused: { ...paused, job: true } });
    await rig.owner.move(run, 'PAUSED', { record: held });
    expect(await rig.why(run)).toMatchObject({
      kind: 'PAUSED',
      text: 'Its job was paused by ada: month end.',
      hint: 'resumeJob lets all its runs go on.',
    });
  });

  it('who has frozen it while it runs, and until it is thawed', async () => {
    const at = Date.parse(GRANTED_AT);
    const freeze = { on: true, seq: 9, by: 'ada', reason: 'the disk is full', at };
    const frozen = await rig.submit();
    await rig.owner.move(frozen, 'READY', { lane, rank: 1 });
    await rig.open(frozen, 'RUNNING', at, { freeze });
    expect(await rig.why(frozen)).toMatchObject({
      kind: 'PAUSED',
      name: 'ada',
      text: 'It was stopped in place by ada: the disk is full.',
      hint: 'It keeps its slot and its memory; resumeRun lets it go on.',
    });
    const query = 'query ($id: ID!) { run(id: $id) { state reason } }';
    expect(await rig.gateway.get(query, { id: frozen.id })).toEqual({
      state: 'RUNNING',
      reason: 'the disk is full',
    });
    const silent = await rig.submit();
    await rig.owner.move(silent, 'READY', { lane, rank: 1 });
    await rig.open(silent, 'UNKNOWN', at, { freeze });
    const kinds = (await rig.all(silent)).map(({ kind }) => kind);
    expect(kinds).toEqual(['EXECUTOR_SILENT', 'PAUSED']);
    const thawed = await rig.submit();
    await rig.owner.move(thawed, 'READY', { lane, rank: 1 });
    await rig.open(thawed, 'RUNNING', at, { freeze: { ...freeze, on: false } });
    expect(await rig.all(thawed)).toEqual([]);
    expect(await rig.gateway.get(query, { id: thawed.id })).toMatchObject({ reason: null });
  });

  it('who must decide on one that failed its owner, whatever its state', async () => {
    const at = Date.parse(LATER);
    const parked = { reason: 'it failed 3 times within a minute: no', at };
    const paused = { from: 'READY', by: 'orrery', reason: parked.reason, at } as const;
    const run = await ready();
    const record = JSON.stringify({ attempts: [], seqs: [], parked, paused });
    await rig.owner.move(run, 'PAUSED', { lane: null, record });
    const open = await ready();
    await rig.open(open, 'RUNNING', at, { parked });
    const query = 'query ($id: ID!) { run(id: $id) { reason } }';
    for (const { id } of [run, open]) {
      const why = await rig.why(id === run.id ? run : open);
      expect(why.kind).toBe('PARKED');
      expect(why.text).toMatch(/alone at \d{4}-.*Z: it failed 3 times within a minute: no\.$/);
      expect(why.hint).toContain('resumeRun');
      expect(await rig.gateway.get(query, { id })).toEqual({ reason: parked.reason });
    }
    await rig.owner.finish(run, 'CANCELLED', 'CANCELLED');
    expect(await rig.all(run)).toEqual([]);
  });

  it('who must look at what was set aside, unless it has moved on since', async () => {
    const run = await ready();
    await setAside(run, 'value out of range');
    const [first, second] = await rig.all(run);
    expect(second?.kind).toBe('NO_EXECUTOR');
    expect(first).toMatchObject({ kind: 'SET_ASIDE', name: 'update' });
    expect(first?.text).toMatch(/was set aside at \d{4}-.*Z: value out of range$/);
    expect(first?.hint).toContain('Cancel the run');
    const attempts = [{ number: 1, executor: 'x', grantedAt: Date.parse(LATER) }];
    const record = JSON.stringify({ attempts, seqs: [] });
    await rig.owner.move(run, 'READY', { lane, rank: 1, record });
    expect((await rig.all(run)).map(({ kind }) => kind)).toEqual(['NO_EXECUTOR']);
    await rig.owner.move(run, 'READY', { lane, rank: 1 });
    expect(await rig.all(run)).toHaveLength(2);
    await rig.owner.finish(run, 'DEAD', 'FAILED');
    expect(await rig.all(run)).toEqual([]);
  });
});

it('nothing of it is read for who may not see the project', async () => {
  const { reader } = rig.gateway;
  const run = await ready();
  await setAside(run, 'x');
  const foreign = randomUUID();
  expect(await readAside(reader, run.project, run.id)).toBeDefined();
  expect(await readPlace(reader, run.project, run.id)).toEqual({ place: 0, isMore: false });
  expect(await readAside(reader, foreign, run.id)).toBeUndefined();
  expect(await readPlace(reader, foreign, run.id)).toBeUndefined();
  expect(await readRunTimes(reader, foreign, randomUUID(), 50)).toEqual([]);
});
