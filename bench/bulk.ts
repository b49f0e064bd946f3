import { Dead } from './dead.js';
import { type Figure, type Report, median, quantile } from './report.js';
import { Poster, System } from './system.js';

const RATE = 200;
const WARM_SECONDS = 3;

const SINGLE = JSON.stringify({
  query: `mutation { submitRun(input: { project: "demo", job: "noop" }) {
    run { id } userErrors { code message } } }`,
});

/** Single submissions at a steady rate: how long each took to be acknowledged, in their order. */
async function singles(system: System, seconds: number): Promise<number[]> {
  const poster = new Poster(system.endpoint, system.key, 50);
  const times: number[] = [];
  const waiting: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n < RATE * seconds; n++) {
    // From when it was due: what this process is late with counts as well.
    const due = began + (n * 1_000) / RATE;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    const one = poster.post(SINGLE).then((answer) => {
      if (!answer.includes('"id"')) throw new Error(answer);
      times[n] = performance.now() - due;
    });
    waiting.push(one);
  }
  await Promise.all(waiting);
  poster.close();
  return times;
}

/** Of each second's p99 the middle one: what else the machine does for a moment does not count. */
function usualP99(times: readonly number[]): number {
  const seconds = Array.from({ length: times.length / RATE }, (_, i) =>
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
    const of = (name: string): number => median(rows.map((row) => Number(row[name])));
    const titles = Object.keys(rows[0] ?? {}).filter((name) => name !== 'round');
    rows.push({ round: 'median', ...Object.fromEntries(titles.map((name) => [name, of(name)])) });
    const settings = { runs, rate: `${RATE}/s`, seconds, slots: 100 };
    return { scenario: 'bulk retry beside single submissions (ms)', settings, rows };
  } finally {
    await client.close();
    await system.stop();
  }
}
