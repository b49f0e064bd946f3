import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import {
  type EventType,
  INBOX_COMMAND,
  RUN_STATES,
  type RunState,
  hash32,
  partitionOf,
} from '#core';
import { Connection, type NewCommand, intakeBatch } from '#postgres';
import { decodeSegment, encodeCommand } from '#protocol';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { HeardExecutor } from './testkit/heard-executor.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { Watch } from './testkit/watch.js';

const KILLS = 10;
const RUNS_EACH = 100;
const PARTITIONS = 8;
/** A round's words are spread over so many turns; in one of the middle ones its owner is killed. */
const TURNS = 12;
const SEED = 82;
/** A takeover, and everything said again. */
const ROUND_MS = 15_000;

interface Race {
  readonly run: string;
  readonly cancels: readonly NewCommand[];
  /** In which turn each is said. */
  readonly cancelAt: number;
  readonly endAt: number;
}
/** What the database has of a run. */
interface Story {
  readonly finals: RunState[];
  readonly types: EventType[];
}

let database: TestDatabase;
let watch: Watch;
let intake: Connection;
const rigs: ThreadRig[] = [];
let dice = 0;
const chance = (sides: number): number => hash32(`${SEED}/${dice++}`) % sides;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  watch = new Watch(database.admin);
  const { url } = database;
  intake = new Connection({ url, role: 'orrery_intake', name: 'races', pinned: true });
}, 60_000);
afterAll(async () => {
  for (const rig of rigs) await rig.stop();
  await intake.stop();
  await database.stop();
});

function start(): ThreadRig {
  const { url, life } = database;
  const rig = new ThreadRig(url, life, { thread: `t${rigs.length}`, partitions: PARTITIONS });
  rigs.push(rig);
  rig.start();
  return rig;
}

function raceOf(run: string): Race {
  const action = {
    kind: 'cancel',
    graceMs: 50,
    force: false,
    reason: 'enough',
    by: 'ada',
  } as const;
  const partition = partitionOf(run, PARTITIONS);
  const cancels = Array.from({ length: 1 + Number(chance(4) === 0) }, () => {
    const payload = encodeCommand(action);
    return { id: randomUUID(), partition, kind: INBOX_COMMAND, ref: run, payload };
  });
  return { run, cancels, cancelAt: chance(TURNS), endAt: chance(TURNS) };
}

/** As a gateway does it: stored first, then whoever is the owner is nudged. */
async function cancel(rig: () => ThreadRig, commands: readonly NewCommand[]): Promise<void> {
  if (commands.length === 0) return;
  await intakeBatch(intake, { id: randomUUID(), specifications: [], runs: [], commands, keys: [] });
  const items = [...new Set(commands.map(({ partition }) => partition))].map((partition) => {
    return { kind: 'nudge', partition } as const;
  });
  rig().tell({ kind: 'soft', items });
}

/** Of all runs, from the rows and from the journal. */
async function stories(): Promise<Map<string, Story>> {
  const { rows } = await database.admin.query<{ id: string; state: number }>(
    'select id, state from history',
  );
  const all = new Map<string, Story>();
  const of = (run: string): Story => {
    const story = all.get(run) ?? { finals: [], types: [] };
    all.set(run, story);
    return story;
  };
  for (const { id, state } of rows) of(id).finals.push(RUN_STATES[state] as RunState);
  const journal = await database.admin.query<{ seq: string; events: string }>(
    `select seq::int8 as seq, convert_from(events, 'UTF8') as events from journal
      order by partition, seq`,
  );
  for (const { seq, events } of journal.rows) {
    for (const { run, type } of decodeSegment(events, Number(seq))) of(run).types.push(type);
  }
  return all;
}

async function answers(): Promise<Map<string, { ok: boolean; state: RunState; code?: string }>> {
  const { rows } = await database.admin.query<{ command: string; outcome: string }>(
    `select command, convert_from(outcome, 'UTF8') as outcome from answer`,
  );
  return new Map(rows.map(({ command, outcome }) => [command, JSON.parse(outcome)]));
}

/** One round: who owns everything is killed in the middle of it. Answers with who came after. */
async function round(
  first: ThreadRig,
  executor: HeardExecutor,
  races: readonly Race[],
): Promise<{ readonly next: ThreadRig; readonly open: number }> {
  let rig = first;
  let open = 0;
  const killAt = 2 + chance(TURNS - 4);
  const sent: Promise<void>[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const now = races.filter(({ cancelAt }) => cancelAt === turn);
    const commands = now.flatMap(({ cancels }) => cancels);
    sent.push(cancel(() => rig, commands));
    for (const { run, endAt } of races) if (endAt === turn) executor.end(run, 'SUCCEEDED');
    // Sometimes what was said is on its way, sometimes it is committed, when the owner dies.
    for (let i = chance(4); i >= 0; i--) await nextTurn();
    executor.turn();
    if (turn !== killAt) continue;
    rig.kill();
    open = races.filter(({ run }) => !executor.acked.has(run)).length;
    await trouble.silence(database.admin, `t${rigs.length - 1}`);
    rig = start();
    executor.meet(rig);
  }
  await Promise.all(sent);
  await until(() => {
    executor.turn();
    return races.every(({ run }) => executor.acked.has(run));
  }, ROUND_MS);
  await watch.eventually(async () => (await watch.count('inbox')) === 0);
  return { next: rig, open };
}

test(`R82: cancel against complete has one winner while ${KILLS} owners are killed`, async () => {
  let rig = start();
  const incarnation = await watch.executorReady(rig, database.life, 10_000);
  const executor = new HeardExecutor('x1', incarnation, database.life, rig);
  const races: Race[] = [];
  const seen = new Map<string, readonly RunState[]>();
  for (let n = 0; n < KILLS; n++) {
    const runs = await rig.submit(RUNS_EACH);
    await until(() => {
      executor.turn();
      return runs.every((run) => executor.attempts.has(run));
    }, ROUND_MS);
    const now = runs.map(raceOf);
    races.push(...now);
    const { next, open } = await round(rig, executor, now);
    rig = next;
    // The owner died in the midst of it.
    expect(open).toBeGreaterThan(0);
    for (const [run, { finals }] of await stories()) {
      // What is final stays as it is, whoever owns it next.
      expect([run, finals]).toEqual([run, seen.get(run) ?? finals]);
      seen.set(run, finals);
    }
  }
  const told = await stories();
  const answered = await answers();
  expect(await watch.count('live')).toBe(0);
  expect(told.size).toBe(KILLS * RUNS_EACH);
  for (const { run, cancels } of races) {
    const { finals, types } = told.get(run) ?? { finals: [], types: [] };
    expect([run, finals]).toEqual([run, [expect.stringMatching(/^(SUCCEEDED|CANCELLED)$/)]]);
    expect([run, types.filter((type) => type === 'FINISHED')]).toEqual([run, ['FINISHED']]);
    // Nothing comes after the end but what came too late.
    const after = types.slice(types.indexOf('FINISHED') + 1);
    expect([run, after.filter((type) => type !== 'LATE_RESULT')]).toEqual([run, []]);
    for (const { id } of cancels) {
      expect([run, agrees(answered.get(id), finals[0])]).toEqual([run, true]);
    }
    expect(executor.acked.has(run)).toBe(true);
  }
  const won = (state: RunState): number =>
    [...told.values()].filter(({ finals }) => finals[0] === state).length;
  // Both do happen: how often depends on the machine.
  expect(won('SUCCEEDED')).toBeGreaterThan(races.length / 50);
  expect(won('CANCELLED')).toBeGreaterThan(races.length / 50);
}, 120_000);

/** §1.6: an answer that says yes is of a run that was cancelled; a no says what it came to. */
function agrees(
  answer: { ok: boolean; state: RunState; code?: string } | undefined,
  state: RunState | undefined,
): boolean {
  if (answer?.ok === true) {
    return state === 'CANCELLED' && ['CANCELLING', 'CANCELLED'].includes(answer.state);
  }
  return answer?.code === 'RUN_FINAL' && answer.state === state;
}
