import { setTimeout as sleep } from 'node:timers/promises';
import { Ownership } from './ownership.js';
import { type Figure, type Report, memoryBytes, quantile, withMedian } from './report.js';
import { Steady } from './steady.js';
import { Stock } from './stock.js';
import { System } from './system.js';

export interface FailoverSettings {
  readonly schedulers: number;
  /** Of each of them. */
  readonly threads: number;
  /** Submissions a second while it happens. */
  readonly rate: number;
  readonly rounds: number;
  readonly how: 'kill' | 'stop';
  /** Runs that execute, and runs that wait for an executor, all the while. */
  readonly live: number;
  readonly waiting: number;
}

const SLOTS = 200;
const WARM_MS = 3_000;
/** From the fault on; a process that stands still goes on at its end. */
const WATCHED_MS = 8_000;
/** Runs that were submitted so shortly before the fault may have to wait through it. */
const BEFORE_MS = 200;
const NAME = (n: number): string => `scheduler-${n}`;

/** One of several schedulers dies or stands still under load: until when does all go on? */
export async function benchFailover(settings: FailoverSettings): Promise<Report> {
  const { schedulers, threads, rounds } = settings;
  const names = Array.from({ length: schedulers }, (_, n) => NAME(n + 1));
  const words = ['--schedulers', String(schedulers)];
  const system = await System.start(SLOTS, { ORRERY_SCHEDULER_THREADS: String(threads) }, words);
  const ownership = await Ownership.open(system.endpoint.databaseUrl);
  const stock = new Stock(system);
  const rows: Record<string, Figure>[] = [];
  try {
    await stock.lay(settings);
    await ownership.takenIn();
    for (let round = 1; round <= rounds; round++) {
      await ownership.even(names);
      const victim = NAME(1 + (round % schedulers));
      rows.push({ round, ...(await one(system, ownership, names, victim, settings)) });
    }
    const { rate, how, live, waiting } = settings;
    const given = { schedulers, threads, rate: `${rate}/s`, how, live, waiting, slots: SLOTS };
    return {
      scenario: 'one of several schedulers fails (ms)',
      settings: given,
      rows: withMedian(rows),
    };
  } finally {
    await stock.clear();
    await ownership.close();
    await system.stop();
  }
}

async function one(
  system: System,
  ownership: Ownership,
  names: readonly string[],
  victim: string,
  { rate, how }: FailoverSettings,
): Promise<Record<string, Figure>> {
  const others = names.filter((name) => name !== victim).map((name) => system.pidOf(name));
  const load = new Steady(system, rate);
  load.start();
  await sleep(WARM_MS);
  const before = Math.max(...others.map(memoryBytes));
  const owned = await ownership.ownedBy(victim);
  const pid = system.pidOf(victim);
  const at = Date.now();
  process.kill(pid, how === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  try {
    const moved = await ownership.moved(owned, victim, WATCHED_MS);
    await sleep(Math.max(0, at + WATCHED_MS - Date.now()));
    const after = Math.max(...others.map(memoryBytes));
    const all = await load.stop();
    const calm = all.filter((ack) => ack.at > at - WARM_MS / 2 && ack.at < at).map(({ ms }) => ms);
    const acks = all.filter((ack) => ack.at >= at).map(({ ms }) => ms);
    const granting = await ownership.granting(owned, moved);
    return {
      partitions: owned.size,
      'all owned': Math.round(Math.max(...moved.values()) - at),
      'all granting': Math.round(Math.max(...granting.values()) - at),
      'longest wait': await ownership.longestWait(owned, at - BEFORE_MS),
      'ack p99 before': quantile(calm, 0.99),
      'ack p50': quantile(acks, 0.5),
      'ack p99': quantile(acks, 0.99),
      'ack max': quantile(acks, 1),
      'MB before': Math.round(before / 1e6),
      'MB after': Math.round(after / 1e6),
    };
  } finally {
    if (how === 'stop') process.kill(pid, 'SIGCONT');
    await load.stop();
  }
}
