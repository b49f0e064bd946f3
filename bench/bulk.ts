import { setTimeout as sleep } from 'node:timers/promises';
import { Dead } from './dead.js';
import { type Figure, type Report, median, quantile, withMedian } from './report.js';
import { Steady } from './steady.js';
import { System } from './system.js';

const RATE = 200;
const WARM_SECONDS = 3;

/** Single submissions at a steady rate: how long each took to be acknowledged, in their order. */
async function singles(system: System, seconds: number): Promise<number[]> {
  const steady = new Steady(system, RATE);
  steady.start();
  await sleep(seconds * 1_000);
  const acks = await steady.stop();
  return acks.toSorted((one, other) => one.at - other.at).map(({ ms }) => ms);
}

/** Of each second's p99 the middle one: what else the machine does for a moment does not count. */
function usualP99(times: readonly number[]): number {
  const seconds = Array.from({ length: Math.round(times.length / RATE) }, (_, i) =>
    quantile(times.slice(i * RATE, (i + 1) * RATE), 0.99),
  );
  return median(seconds);
}

/** "A bulk retry of 5,000 dead runs under load: submission p99 rises by less than half." */
export async function benchBulk(runs: number, rounds: number, seconds: number): Promise<Report> {
  const system = await System.start(100);
  const client = system.client();
  const dead = new Dead(client);
  const rows: Record<string, Figure>[] = [];
  try {
    await singles(system, seconds);
    for (let n = 1; n <= rounds; n++) {
      const round = `round ${n}`;
      await dead.make(runs, round);
      const matched = await dead.matched(round);
      // What was made must not weigh on what is measured first.
      await singles(system, WARM_SECONDS);
      const without = await singles(system, seconds);
      const retrying = dead.retry(round);
      const during = await singles(system, seconds);
      const { applied, seconds: took } = await retrying;
      // What was retried is no letter, its retry is one as soon as it has died.
      await dead.settled(round, runs);
      const [p99, p99During] = [usualP99(without), usualP99(during)];
      rows.push({
        round: n,
        'dry run': matched,
        retried: applied,
        'retry s': took,
        'p50 without': quantile(without, 0.5),
        'p50 with': quantile(during, 0.5),
        'p99 without': quantile(without, 0.99),
        'p99 with': quantile(during, 0.99),
        "a second's without": p99,
        "a second's with": p99During,
        ratio: Math.round((p99During / p99) * 100) / 100,
      });
    }
    const settings = { runs, rate: `${RATE}/s`, seconds, slots: 100 };
    return {
      scenario: 'bulk retry beside single submissions (ms)',
      settings,
      rows: withMedian(rows),
    };
  } finally {
    await client.close();
    await system.stop();
  }
}
