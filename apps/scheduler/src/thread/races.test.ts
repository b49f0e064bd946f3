import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import {
  type EventType,
  INBOX_COMMAND,
  type InboxRow,
  RUN_STATES,
  type RunState,
  type Token,
  hash32,
  partitionOf,
} from '#core';
import { Connection, intakeBatch } from '#postgres';
import { decodeSegment, encodeCommand } from '#protocol';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import type { ThreadMessage } from '#thread';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

const RUNS = 10_000;
const CHUNK = 500;
const PARTITIONS = 8;
/** Slices over which a race is spread: both words in one of them, or in different ones. */
const SLICES = 3;
const SEED = 82;

/** Everything that is said of one run, and when. */
interface Race {
  readonly token: Token;
  readonly outcome: 'SUCCEEDED' | 'FAILED';
  readonly commands: readonly InboxRow[];
  readonly said: readonly Saying[];
}
interface Saying {
  readonly slice: number;
  /** Its place among what is said in the same slice. */
  readonly at: number;
  readonly what: 'cancel' | 'result';
  readonly message: ThreadMessage;
}
/** What the database has of a run in the end. */
interface Ended {
  readonly finals: RunState[];
  readonly types: EventType[];
  readonly finished: (RunState | null)[];
}

let database: TestDatabase;
let rig: ThreadRig;
let watch: Watch;
let intake: Connection;
let dice = 0;

const chance = (sides: number): number => hash32(`${SEED}/${dice++}`) % sides;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  watch = new Watch(database.admin);
  intake = new Connection({
    url: database.url,
    role: 'orrery_intake',
    name: 'races',
    pinned: true,
  });
  rig = new ThreadRig(database.url, database.life, { partitions: PARTITIONS });
  rig.start();
}, 60_000);
afterAll(async () => {
  await rig.stop();
  await intake.stop();
  await database.stop();
});

/** Runs that their executor has begun. */
async function begun(count: number): Promise<Token[]> {
  await rig.submit(count);
  const tokens = new Map<string, Token>();
  await until(() => {
    for (const item of rig.down.splice(0)) {
      if (item.kind === 'assign') tokens.set(item.token.run, item.token);
    }
    return tokens.size === count;
  }, BOUND_MS);
  rig.up('x1', ...[...tokens.values()].map((token) => rig.startedOf(token)));
  return [...tokens.values()];
}

function commandOf({ run }: Token): InboxRow {
  const payload = encodeCommand({
    kind: 'cancel',
    reason: 'enough',
    by: 'ada',
    graceMs: 50,
    force: false,
  });
  const partition = partitionOf(run, PARTITIONS);
  const row = { id: randomUUID(), partition, kind: INBOX_COMMAND, ref: run, payload };
  return { ...row, tries: 0, run: undefined };
}

/** A cancel (sometimes a second), a result, and repeats of each, in any order. */
function raceOf(token: Token): Race {
  const outcome = chance(4) === 0 ? 'FAILED' : 'SUCCEEDED';
  const commands = Array.from({ length: 1 + Number(chance(4) === 0) }, () => commandOf(token));
  const result = rig.resultOf(token, outcome === 'FAILED' ? null : '"ok"', outcome);
  const say = (what: Saying['what'], message: ThreadMessage): Saying[] =>
    Array.from({ length: 1 + chance(3) }, () => {
      return { slice: chance(SLICES), at: chance(1_000_000), what, message };
    });
  const said = [
    ...commands.flatMap((row) =>
      say('cancel', { kind: 'swept', partitions: [], rows: [row], more: false }),
    ),
    ...say('result', { kind: 'up', executor: 'x1', items: [result] }),
  ];
  return { token, outcome, commands, said: said.toSorted(inOrder) };
}

const inOrder = (a: Saying, b: Saying): number => a.slice - b.slice || a.at - b.at;
const nextSlice = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function play(races: readonly Race[]): Promise<void> {
  const said = races.flatMap((race) => race.said).toSorted(inOrder);
  for (let slice = 0; slice < SLICES; slice++) {
    for (const saying of said) if (saying.slice === slice) rig.tell(saying.message);
    // The rig steps a slice in a turn of its own: what follows meets its commit in flight.
    await nextSlice();
  }
}

async function write(races: readonly Race[]): Promise<void> {
  const commands = races
    .flatMap((race) => race.commands)
    .map((row) => {
      const { id, partition, kind, ref, payload } = row;
      return { id, partition, kind, ref: ref ?? '', payload: payload ?? '' };
    });
  await intakeBatch(intake, { id: randomUUID(), specifications: [], runs: [], commands, keys: [] });
}

/** All of history and the journal, by run. */
async function ended(): Promise<Map<string, Ended>> {
  const runs = new Map<string, Ended>();
  const of = (run: string): Ended => {
    const known = runs.get(run) ?? { finals: [], types: [], finished: [] };
    runs.set(run, known);
    return known;
  };
  const history = await database.admin.query('select id, state from history');
  for (const { id, state } of history.rows as { id: string; state: number }[]) {
    of(id).finals.push(RUN_STATES[state] as RunState);
  }
  const journal = await database.admin.query(
    `select seq::int8 as seq, convert_from(events, 'UTF8') as events from journal
     order by partition, seq`,
  );
  for (const row of journal.rows as { seq: string; events: string }[]) {
    for (const { run, type, to } of decodeSegment(row.events, Number(row.seq))) {
      of(run).types.push(type);
      if (type === 'FINISHED') of(run).finished.push(to);
    }
  }
  return runs;
}

async function answers(): Promise<Map<string, unknown>> {
  const text = `select command, convert_from(outcome, 'UTF8') as outcome from answer`;
  const { rows } = await database.admin.query(text);
  return new Map(
    (rows as { command: string; outcome: string }[]).map((row) => [
      row.command,
      JSON.parse(row.outcome) as unknown,
    ]),
  );
}

/**
 * Semantics §1.6: "A result committed before the cancel wins, one after it is recorded as late;
 * both callers are told." Until the executor confirms, a granted run that is cancelled is
 * CANCELLING, "outcome decided". One thread steps both, so the first to be said is the first to
 * be committed.
 */
function expected({ said, outcome }: Race): { readonly state: RunState; readonly types: string[] } {
  const before = ['SUBMITTED', 'GRANTED', 'STARTED'];
  if (said[0]?.what === 'cancel') {
    const late = outcome === 'SUCCEEDED' ? ['LATE_RESULT'] : [];
    return { state: 'CANCELLED', types: [...before, 'CANCEL_REQUESTED', ...late, 'FINISHED'] };
  }
  return {
    state: outcome === 'SUCCEEDED' ? 'SUCCEEDED' : 'DEAD',
    types: [...before, 'FINISHED'],
  };
}

test(`R82: cancel against complete has one winner in ${RUNS} races`, async () => {
  await watch.executorReady(rig, database.life, RUNS);
  // What happens, happens by what is said: no sweep tells a cancel before its time.
  rig.pauseSeconds();
  const races: Race[] = [];
  const acked = new Set<string>();
  while (races.length < RUNS) {
    const chunk = (await begun(CHUNK)).map(raceOf);
    await write(chunk);
    await play(chunk);
    races.push(...chunk);
    // Its sender is told too: every result is acknowledged.
    await until(() => {
      for (const item of rig.down.splice(0)) {
        if (item.kind === 'ack' && item.of === 'result') acked.add(item.token.run);
      }
      return acked.size === races.length;
    }, BOUND_MS);
  }
  await watch.eventually(async () => (await watch.count('inbox')) === 0);

  const runs = await ended();
  const answered = await answers();
  expect(runs.size).toBe(RUNS);
  expect(await watch.count('live')).toBe(0);
  for (const race of races) {
    const { run } = race.token;
    const { state, types } = expected(race);
    expect([run, runs.get(run)]).toEqual([run, { finals: [state], types, finished: [state] }]);
    for (const { id } of race.commands)
      expect([run, agrees(answered.get(id), state)]).toEqual([run, true]);
  }
  expect(rig.errors).toEqual([]);
  expect(rig.host.status().reloads).toBe(0);
  // The test was not vacuous: each kind of race was run, each often.
  for (const kind of kindsOf(races).values()) expect(kind).toBeGreaterThan(RUNS / 20);
  expect(kindsOf(races).size).toBe(4);
}, 60_000);

/** §1.6: an answer that says yes is of a run that was cancelled; a no says what it came to. */
function agrees(answer: unknown, state: RunState): boolean {
  const { ok, ...rest } = answer as { ok: boolean; state: RunState; code?: string };
  if (ok) return state === 'CANCELLED' && ['CANCELLING', 'CANCELLED'].includes(rest.state);
  return rest.code === 'RUN_FINAL' && rest.state === state;
}

/** Who was first, and whether the other came in the same slice. */
function kindsOf(races: readonly Race[]): Map<string, number> {
  const kinds = new Map<string, number>();
  for (const { said } of races) {
    const [first] = said;
    const other = said.find(({ what }) => what !== first?.what);
    const kind = `${first?.what} first, ${first?.slice === other?.slice ? 'same' : 'later'} slice`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}
