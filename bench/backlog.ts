import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Client } from '#client';
import { AGE_STEP_MS, partitionOf } from '#core';
import { createExecutor } from '#executor';
import { type Started, overtaken } from './order.js';
import { highWater, memoryBytes, quantile } from './report.js';

/** A pool that nobody serves until the backlog is to be drained. */
const POOL = 'later';
const JOB = 'waits';
const BATCH = 500;
/** Batches under way at a time, as from so many clients. */
const CLIENTS = 4;
const DRAIN_STALL_MS = 30_000;
const LOOK_MS = 200;

export interface BacklogTarget {
  readonly client: Client;
  readonly mqtt: string;
  readonly schedulerPid: number;
  readonly partitions: number;
}
export interface BacklogSettings {
  readonly runs: number;
  /** Of the one executor that comes in the end. */
  readonly slots: number;
  readonly priorities: readonly number[];
  /** Single runs for the other pool, before and behind. */
  readonly samples: number;
}
export interface BacklogFigures {
  readonly accepted: number;
  readonly 'submitted/s': number;
  /** The most the scheduler held: at rest, while everything came, while it was drained. */
  readonly 'MB at rest': number;
  readonly 'MB waiting': number;
  readonly 'MB draining': number;
  /** The same by its resident set, which counts shared pages whole: until all waited, in all. */
  readonly 'RSS MB waiting': number;
  readonly 'RSS MB': number;
  /** Runs that started, and how often one did. */
  readonly drained: number;
  readonly starts: number;
  readonly 'drained/s': number;
  /** By how many later runs one was overtaken at most: over everything, and in its own lane. */
  readonly overtakenMax: number;
  readonly overtakenInLaneMax: number;
  readonly 'overtaken, share': number;
  /** One run for a pool that has executors, from sending it to its end (ms). */
  readonly 'other p50 before': number;
  readonly 'other p50 behind': number;
  readonly 'other max behind': number;
}

const SUBMIT = `mutation($input: SubmitRunsInput!) { submitRuns(input: $input) {
  accepted results { run { id priority submittedAt } } userErrors { code message } } }`;
export const APPLY = `mutation($input: ApplyJobInput!) {
  applyJob(input: $input) { changed userErrors { code message } } }`;
const ONE = `mutation { submitRun(input: { project: "demo", job: "noop" }) {
  run { id } userErrors { code message } } }`;
const CHANGED = 'subscription($id: ID!) { runChanged(id: $id) { state } }';

interface Submitted {
  readonly id: string;
  readonly priority: number;
  readonly submittedAt: string;
}

/** A heap of work that nobody can do, then somebody who can (issue 3, Show). */
export async function measureBacklog(
  target: BacklogTarget,
  settings: BacklogSettings,
): Promise<BacklogFigures> {
  const { client, schedulerPid } = target;
  const memory = new Peak(schedulerPid);
  const others = await sampleOthers(client, settings.samples);
  const spec = { kind: 'function', name: JOB, pool: POOL };
  await ask(client, APPLY, { input: { project: 'demo', name: JOB, spec } });

  const rest = memory.take();
  const began = performance.now();
  const runs = await submitAll(client, JOB, settings);
  const submittedS = (performance.now() - began) / 1_000;
  const behind = await sampleOthers(client, settings.samples);
  const waiting = memory.take();
  const resident = highWater(schedulerPid);

  const { starts, seconds } = await drain(target, settings.slots, runs.length);
  const order = overtaken(placesOf(starts, runs, target.partitions));
  return {
    accepted: runs.length,
    'submitted/s': Math.round(runs.length / submittedS),
    'MB at rest': megabytes(rest),
    'MB waiting': megabytes(waiting),
    'MB draining': megabytes(memory.stop()),
    'RSS MB waiting': megabytes(resident),
    'RSS MB': megabytes(highWater(schedulerPid)),
    drained: new Set(starts).size,
    starts: starts.length,
    'drained/s': Math.round(starts.length / seconds),
    overtakenMax: order.max,
    overtakenInLaneMax: order.maxInLane,
    'overtaken, share': order.share,
    'other p50 before': quantile(others, 0.5),
    'other p50 behind': quantile(behind, 0.5),
    'other max behind': quantile(behind, 1),
  };
}

/** The most memory that was seen; looked at every so often. */
class Peak {
  private readonly timer: NodeJS.Timeout;
  private most = 0;

  constructor(private readonly pid: number) {
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** Since the last time. */
  take(): number {
    this.look();
    const { most } = this;
    this.most = 0;
    return most;
  }

  stop(): number {
    clearInterval(this.timer);
    return this.take();
  }

  private look(): void {
    this.most = Math.max(this.most, memoryBytes(this.pid));
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

export async function ask<T>(client: Client, document: string, variables = {}): Promise<T> {
  const answer = await client.request<Record<string, T & { userErrors: unknown[] }>>(
    document,
    variables,
  );
  const [payload] = answer.ok ? Object.values(answer.value) : [];
  if (payload === undefined || payload.userErrors.length > 0) {
    throw new Error(JSON.stringify(answer).slice(0, 500));
  }
  return payload;
}

/** Batches of a job's runs, from several clients at a time. */
export async function submitAll(
  client: Client,
  job: string,
  { runs, priorities }: Pick<BacklogSettings, 'runs' | 'priorities'>,
): Promise<Submitted[]> {
  const submitted: Submitted[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < runs) {
      const items = Array.from({ length: Math.min(BATCH, runs - next) }, () => {
        const n = next++;
        const priority = priorities[n % priorities.length];
        return { project: 'demo', job, params: { n }, priority };
      });
      const { results } = await ask<{ results: { run: Submitted | null }[] }>(client, SUBMIT, {
        input: { project: 'demo', items },
      });
      for (const { run } of results) if (run !== null) submitted.push(run);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
  return submitted;
}

/** From sending one to its end, one after the other. */
async function sampleOthers(client: Client, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    const { run } = await ask<{ run: { id: string } }>(client, ONE);
    const changes = client.subscribe<{ runChanged: { state: string } }>(CHANGED, run);
    for await (const { runChanged } of changes) if (runChanged.state === 'SUCCEEDED') break;
    times.push(performance.now() - began);
  }
  return times;
}

/** One executor for the pool; the order in which its handler was called. */
async function drain(target: BacklogTarget, slots: number, count: number) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-later-'));
  const starts: string[] = [];
  let lastAt = performance.now();
  let done = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const executor = createExecutor({
    mqttUrl: target.mqtt,
    directory,
    id: POOL,
    pool: POOL,
    slots,
    handlers: {
      [JOB]: (_params, { runId }) => {
        lastAt = performance.now();
        if (starts.push(runId) === count) done();
      },
    },
  });
  const began = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - lastAt > DRAIN_STALL_MS) done();
  }, 1_000);
  try {
    await executor.start();
    await all;
    return { starts, seconds: (lastAt - began) / 1_000 };
  } finally {
    clearInterval(watch);
    await executor.stop({ drainMs: 2_000 });
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** Semantics §6.3: rank = readyAt + (priority - 1) × ageStep, then id. */
function placesOf(
  starts: readonly string[],
  runs: readonly Submitted[],
  partitions: number,
): Started[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return starts.map((id): Started => {
    const run = byId.get(id);
    if (run === undefined) throw new Error(`${id} was never submitted`);
    const { priority, submittedAt } = run;
    const rank = Date.parse(submittedAt) + (priority - 1) * AGE_STEP_MS;
    return { id, rank, lane: `${partitionOf(id, partitions)}/${priority}` };
  });
}
