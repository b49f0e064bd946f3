import type { Client } from '#client';
import {
  EVERYTHING,
  JOBS,
  type Kind,
  type RunMeta,
  isSame,
  kindOf,
  metaOf,
  tallyOf,
} from './crowd-kinds.js';
import type { ReaderPlan, SeenEvent, Tally } from './readers.js';
import type { ReadersLike } from './remote-readers.js';

export interface CrowdTarget {
  readonly client: Client;
  readonly url: string;
  readonly key: string;
  /** CPU seconds so far, by who used them. */
  readonly cpu?: () => ReadonlyMap<string, number>;
}
export interface CrowdSettings {
  readonly subscribers: number;
  /** Of them so many are slow, and follow everything. */
  readonly slow: number;
  /** Between two messages that a slow one takes. */
  readonly slowMs: number;
  /** Life cycles a second, for so long. */
  readonly rate: number;
  readonly seconds: number;
  /** Before that, as long with nobody slow: code that has not run yet is not what is measured. */
  readonly warmUpSeconds: number;
  /** Of the slow ones so many go on from their cursor, to the end. */
  readonly resumed: number;
}
export interface CrowdFigures {
  readonly runs: number;
  readonly events: number;
  /** From the event's time to its reader, of those who are not slow. */
  readonly 'p50 ms': number;
  readonly 'p99 ms': number;
  readonly 'max ms': number;
  readonly 'frames/s': number;
  readonly 'events out/s': number;
  /** Readers that have exactly what was committed and their filter lets through. */
  readonly 'fast exact': number;
  /** Slow ones that ended, by how. */
  readonly 'slow ended': string;
  readonly 'resumed exact': number;
  readonly 'resumed s': number;
}
/** What one of the processes used from the first submission until the last event was read. */
export interface CrowdCost {
  readonly process: string;
  readonly cores: number;
  /** CPU time, by what reached the readers that are not slow. */
  readonly 'µs an event': number;
  readonly 'µs a frame': number;
}
export interface CrowdReport {
  readonly figures: CrowdFigures;
  readonly costs: readonly CrowdCost[];
}

const TICK_MS = 50;
const DONE_WITHIN_MS = 120_000;
const LOOK_MS = 100;
const QUIET_MS = 1_000;

const APPLY = `mutation($input: ApplyJobInput!) {
  applyJob(input: $input) { changed userErrors { code message } } }`;
const SUBMIT = `mutation($input: SubmitRunsInput!) { submitRuns(input: $input) {
  accepted results { run { id } } userErrors { code message } } }`;
const CURSOR = 'subscription { runEvents(project: "demo") { cursor } }';
const ALL = `subscription($after: Cursor!) { runEvents(project: "demo", after: $after) {
  events { at type to attempt run { id } } } }`;

/** Many subscriptions with filters, some of whose readers are slow (issue 4, Show). */
export async function measureCrowd(
  target: CrowdTarget,
  settings: CrowdSettings,
  fast: ReadersLike,
  slow: ReadersLike,
): Promise<CrowdReport> {
  const { client, cpu = () => new Map<string, number>() } = target;
  for (let n = 0; n < JOBS; n++) {
    const spec = { kind: 'function', name: 'noop' };
    await ask(client, APPLY, { input: { project: 'demo', name: metaOf(n).job, spec } });
  }
  const kinds = Array.from({ length: settings.subscribers - settings.slow }, (_, i) => kindOf(i));
  const plan = ({ filter }: Kind, slowMs: number): ReaderPlan => ({ filter, slowMs });
  const plans = kinds.map((kind) => plan(kind, 0));
  await fast.open(target, plans);
  await warmUp(client, settings, fast);
  const slowPlan = plan(EVERYTHING, settings.slowMs);
  await slow.open(
    target,
    Array.from({ length: settings.slow }, () => slowPlan),
  );

  const after = await cursorOfNow(client);
  const [began, usedBefore] = [performance.now(), cpu()];
  const runs = await submitAll(client, settings);
  // What is read back for the comparison would hold up the last of what is measured.
  const seconds = ((await untilQuiet(fast)) - began) / 1_000;
  const used = cpu();
  const events = await readAll(client, after, runs.size);
  const tallies = kinds.map((kind) => tallyOf(events, runs, kind));
  const exact = await untilSame(fast, tallies);
  // Now, not when it was quiet: what was later than that is among them.
  const { p50, p99, max, frames } = await fast.figures();
  const passed = tallies.reduce((sum, { count }) => sum + count, 0);
  const costs = [...used].map(([process, until]): CrowdCost => {
    const own = until - (usedBefore.get(process) ?? 0);
    return {
      process,
      cores: Math.round((own / seconds) * 100) / 100,
      'µs an event': Math.round((own / passed) * 1e7) / 10,
      'µs a frame': Math.round((own / frames) * 1e7) / 10,
    };
  });
  const figures: CrowdFigures = {
    runs: runs.size,
    events: events.length,
    'p50 ms': p50,
    'p99 ms': p99,
    'max ms': max,
    'frames/s': Math.round(frames / seconds),
    'events out/s': Math.round(passed / seconds),
    'fast exact': exact,
    ...(await resumeSlow(slow, settings, tallyOf(events, runs, EVERYTHING))),
  };
  return { figures, costs };
}

async function resumeSlow(slow: ReadersLike, settings: CrowdSettings, whole: Tally) {
  await slow.hurry();
  const isOver = ({ ended, count }: { ended: string | null; count: number }): boolean =>
    ended !== null || count === whole.count;
  await look(async () => (await slow.states()).every(isOver));
  const ends = new Map<string, number>();
  for (const { ended } of await slow.states()) {
    ends.set(ended ?? 'none', (ends.get(ended ?? 'none') ?? 0) + 1);
  }
  const began = performance.now();
  await slow.resume(settings.resumed);
  let exact = 0;
  await look(async () => {
    const states = await slow.states();
    exact = states.filter((state) => isSame(state, whole)).length;
    return exact >= settings.resumed;
  });
  return {
    'slow ended': [...ends].map(([how, count]) => `${count} ${how}`).join(', '),
    'resumed exact': exact,
    'resumed s': Math.round((performance.now() - began) / 100) / 10,
  };
}

async function warmUp(client: Client, settings: CrowdSettings, fast: ReadersLike): Promise<void> {
  const after = await cursorOfNow(client);
  const runs = await submitAll(client, { ...settings, seconds: settings.warmUpSeconds });
  if (runs.size > 0) await readAll(client, after, runs.size);
  await untilQuiet(fast);
  await fast.forget();
}

/** When the last frame came, once none has come for a while. */
async function untilQuiet(readers: ReadersLike): Promise<number> {
  let [before, since] = [-1, performance.now()];
  await look(async () => {
    const { frames } = await readers.figures();
    if (frames !== before) [before, since] = [frames, performance.now()];
    return performance.now() - since >= QUIET_MS;
  });
  return since;
}

/** How many have exactly what they should, when all have or the time is over. */
async function untilSame(readers: ReadersLike, tallies: readonly Tally[]): Promise<number> {
  let exact = 0;
  await look(async () => {
    const states = await readers.states();
    exact = states.filter((state, i) => isSame(state, tallies[i])).length;
    return exact === tallies.length;
  });
  return exact;
}

/** An open loop: it does not wait for who is slow to answer. */
async function submitAll(
  client: Client,
  { rate, seconds }: CrowdSettings,
): Promise<Map<string, RunMeta>> {
  const runs = new Map<string, RunMeta>();
  const total = rate * seconds;
  const batch = Math.max(1, Math.round((rate * TICK_MS) / 1_000));
  const under: Promise<void>[] = [];
  let failure: { readonly error: unknown } | undefined;
  const began = performance.now();
  const send = async (from: number): Promise<void> => {
    const numbers = Array.from({ length: Math.min(batch, total - from) }, (_, i) => from + i);
    const items = numbers.map((n) => {
      const { job, tenant, region } = metaOf(n);
      return { project: 'demo', job, labels: { tenant, region } };
    });
    const { submitRuns } = await ask<{ submitRuns: { results: { run: { id: string } }[] } }>(
      client,
      SUBMIT,
      { input: { project: 'demo', items } },
    );
    submitRuns.results.forEach(({ run }, i) => runs.set(run.id, metaOf(from + i)));
  };
  for (let from = 0; from < total; from += batch) {
    const wait = began + (from / rate) * 1_000 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (failure !== undefined) break;
    under.push(send(from).catch((error: unknown) => void (failure = { error })));
  }
  await Promise.all(under);
  if (failure !== undefined) throw failure.error;
  return runs;
}

async function cursorOfNow(client: Client): Promise<string> {
  type Told = { readonly runEvents: { readonly cursor: string } };
  for await (const { runEvents } of client.subscribe<Told>(CURSOR)) return runEvents.cursor;
  throw new Error('the stream ended without a word');
}

/** Everything since, as the journal has it, until all have finished. */
async function readAll(client: Client, after: string, runs: number): Promise<SeenEvent[]> {
  type Told = { readonly runEvents: { readonly events: readonly SeenEvent[] } };
  const all: SeenEvent[] = [];
  let finished = 0;
  for await (const { runEvents } of client.subscribe<Told>(ALL, { after })) {
    all.push(...runEvents.events);
    finished += runEvents.events.filter(({ type }) => type === 'FINISHED').length;
    if (finished >= runs) break;
  }
  return all;
}

/** Until it is so, or the time is over. */
async function look(isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + DONE_WITHIN_MS;
  while (!(await isSo()) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function ask<T>(client: Client, document: string, variables: object): Promise<T> {
  const answer = await client.request<T>(document, { ...variables });
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return answer.value;
}
