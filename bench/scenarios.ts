import { type Report, quantile } from './report.js';
import { Poster, System } from './system.js';

const SINGLE = JSON.stringify({
  query: `mutation { submitRun(input: { project: "demo", job: "noop", params: {a: 1} }) {
    run { id } userErrors { code message } } }`,
});
const batchOf = (size: number): string =>
  JSON.stringify({
    query: `mutation($input: SubmitRunsInput!) { submitRuns(input: $input) {
      accepted results { run { id } } userErrors { code message } } }`,
    variables: {
      input: {
        project: 'demo',
        items: Array.from({ length: size }, (_, n) => ({
          project: 'demo',
          job: 'noop',
          params: { n },
        })),
      },
    },
  });

const EVENTS = `subscription($after: Cursor) {
  runEvents(project: "demo", after: $after) { cursor events { type run { id } } }
}`;

interface Frame {
  readonly runEvents: {
    readonly cursor: string;
    readonly events: readonly { readonly type: string; readonly run: { readonly id: string } }[];
  };
}

/** What was seen of each run, by this process's clock. */
class Watch {
  readonly started = new Map<string, number>();
  readonly finished = new Map<string, number>();
  resumed = -1;
  private closed = false;
  private readonly client;

  constructor(system: System) {
    this.client = system.client();
  }

  async open(): Promise<void> {
    await new Promise<void>((opened) => {
      void this.follow(opened);
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.client.close();
  }

  /** Resolves when so many have ended. */
  async ended(count: number, withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.finished.size < count) {
      if (performance.now() > until) {
        throw new Error(`${this.finished.size} of ${count} ended within ${withinMs} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A subscriber that falls behind is cut off, and goes on from its last cursor. */
  private async follow(opened: () => void): Promise<void> {
    let after: string | undefined;
    while (!this.closed) {
      try {
        const variables = after === undefined ? {} : { after };
        for await (const { runEvents } of this.client.subscribe<Frame>(EVENTS, variables)) {
          after = runEvents.cursor;
          opened();
          this.note(runEvents.events);
        }
      } catch {
        this.resumed++;
      }
    }
  }

  private note(events: Frame['runEvents']['events']): void {
    const now = performance.now();
    for (const { type, run } of events) {
      if (type === 'STARTED') this.started.set(run.id, now);
      else if (type === 'FINISHED') this.finished.set(run.id, now);
    }
  }
}

function cpuRow(before: Map<string, number>, after: Map<string, number>, count: number) {
  const row: Record<string, number> = {};
  for (const [role, seconds] of after) {
    const used = seconds - (before.get(role) ?? 0);
    row[`${role} µs`] = Math.round((used / count) * 1e7) / 10;
  }
  return row;
}

/** Single submissions from 50 connections: durable acknowledgements a second. */
async function submitSingle(system: System, seconds: number): Promise<Record<string, number>> {
  const poster = new Poster(system.endpoint, system.key, 50);
  const times: number[] = [];
  const before = system.cpu();
  const until = performance.now() + seconds * 1_000;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (performance.now() < until) {
        const at = performance.now();
        const answer = await poster.post(SINGLE);
        if (!answer.includes('"id"')) throw new Error(answer);
        times.push(performance.now() - at);
      }
    }),
  );
  const took = (performance.now() - began) / 1_000;
  poster.close();
  return {
    'per second': Math.round(times.length / took),
    'p50 ms': quantile(times, 0.5),
    'p99 ms': quantile(times, 0.99),
    ...cpuRow(before, system.cpu(), times.length),
  };
}

/** Batches of 500 from four connections until their runs have ended: full life cycles a second. */
async function lifeCycles(system: System, total: number): Promise<Record<string, number>> {
  const poster = new Poster(system.endpoint, system.key, 4);
  const watch = new Watch(system);
  await watch.open();
  const body = batchOf(500);
  const before = system.cpu();
  const began = performance.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (sent < total) {
        sent += 500;
        const answer = await poster.post(body);
        if (!answer.includes('"accepted":500')) throw new Error(answer.slice(0, 500));
        // No more than 10,000 under way: steady, not a heap.
        await watch.ended(Math.max(0, sent - 10_000), 120_000);
      }
    }),
  );
  const submitted = (performance.now() - began) / 1_000;
  await watch.ended(sent, 120_000);
  const took = (performance.now() - began) / 1_000;
  poster.close();
  await watch.close();
  return {
    runs: sent,
    'submitted/s': Math.round(sent / submitted),
    'life cycles/s': Math.round(sent / took),
    ...cpuRow(before, system.cpu(), sent),
  };
}

/** An open loop at a fixed rate: from the moment of sending to what a subscriber sees. */
async function latency(system: System, rate: number, seconds: number) {
  const poster = new Poster(system.endpoint, system.key, 20);
  const watch = new Watch(system);
  await watch.open();
  const sent = new Map<string, number>();
  const acked: number[] = [];
  const began = performance.now();
  const waiting: Promise<void>[] = [];
  const before = system.cpu();
  for (let n = 0; n < rate * seconds; n++) {
    const due = began + (n * 1_000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    waiting.push(
      (async () => {
        const at = performance.now();
        const answer = await poster.post(SINGLE);
        acked.push(performance.now() - at);
        const id = /"id":"([^"]+)"/.exec(answer)?.[1];
        if (id !== undefined) sent.set(id, at);
      })(),
    );
  }
  await Promise.all(waiting);
  await watch.ended(sent.size, 30_000);
  const cpu = cpuRow(before, system.cpu(), sent.size);
  const since = (seen: Map<string, number>): number[] =>
    [...sent]
      .map(([id, at]) => (seen.get(id) ?? Number.NaN) - at)
      .filter((ms) => !Number.isNaN(ms));
  poster.close();
  await watch.close();
  return {
    rate,
    'acked p50': quantile(acked, 0.5),
    'acked p99': quantile(acked, 0.99),
    'started p50': quantile(since(watch.started), 0.5),
    'started p99': quantile(since(watch.started), 0.99),
    'final p50': quantile(since(watch.finished), 0.5),
    'final p99': quantile(since(watch.finished), 0.99),
    ...cpu,
  };
}

/** The short form that `npm run bench` prints; the issue on speed widens it. */
export async function benchSystem(seconds: number, runs: number): Promise<Report[]> {
  const system = await System.start(1_000);
  const settings = {
    slots: 1_000,
    database: 'PostgreSQL 18, fsync on',
    roles: 'all on this machine',
  };
  try {
    await lifeCycles(system, 5_000);
    const cycles = [];
    for (let run = 0; run < runs; run++) cycles.push(await lifeCycles(system, 20_000));
    const latencies = [];
    for (let run = 0; run < runs; run++) latencies.push(await latency(system, 200, seconds));
    const singles = [];
    for (let run = 0; run < runs; run++) singles.push(await submitSingle(system, seconds));
    return [
      { scenario: 'full life cycles, batches of 500', settings, rows: cycles },
      { scenario: 'latency at 200/s (ms)', settings, rows: latencies },
      { scenario: 'single submissions, 50 connections', settings, rows: singles },
    ];
  } finally {
    await system.stop();
  }
}
