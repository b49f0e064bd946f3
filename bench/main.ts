import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '#definitions';
import { startEmbedded } from '../libs/postgres/src/embedded/index.js';
import { benchBulk } from './bulk.js';
import { benchCommit } from './commit.js';
import { type Report, cpuSeconds, familyOf, print } from './report.js';
import { benchFailover } from './failover.js';
import { benchSystem } from './scenarios.js';
import { benchSubscribers } from './subscribers.js';
import { benchWaiting } from './waiting.js';

const HELP = `npm run bench -- SCENARIO [options]

  system    everything as npm start runs it: life cycles, latency, single submissions
              --seconds N (5)  --runs N (3)
  commit    the fenced commit alone, with rows as the product writes them
              --lanes N (4)  --batch N (400)  --count N (100000)  --runs N (3)
  waiting   a backlog without an executor, then one that drains it: memory, order, neighbours
              --runs N (100000)
  subscribers  subscriptions with filters, some of whose readers are slow: how late, how whole
              --subscribers N (2000)  --slow N (200)  --rate N (500)  --seconds N (30)
              --resumed N (20)  --slow-ms N (never): between two messages that a slow one reads
  failover  one of several schedulers dies or stands still: when every partition goes on
              --schedulers N (3)  --threads N (2)  --rate N (500)  --rounds N (10)
              --how kill|stop (kill)
              --live N (0)  --waiting N (0): runs that execute, and that wait, all the while
  bulk      dead runs retried by filter, beside single submissions at a steady rate
              --runs N (5000)  --rounds N (5)  --seconds N (10)
`;

const NEVER_MS = 600_000;
const WARM_UP_SECONDS = 4;
const quiet = (): void => undefined;

/** Typed wrong: said in one sentence. */
class Misuse extends Error {}

const MOST = 100_000_000;
/** Of these none is a choice like any other. */
const FROM_ZERO = ['live', 'waiting', 'slow', 'slow-ms', 'resumed'];

/** The numbers of a scenario: those that were given, and else these. */
function numbersOf<K extends string>(
  words: readonly string[],
  defaults: Readonly<Record<K, number>>,
  others: readonly string[] = [],
): Readonly<Record<K, number>> {
  const values = valuesOf(words, [...Object.keys(defaults), ...others]);
  const numbers = Object.entries<number>(defaults).map(([name, otherwise]) => {
    const text = values[name];
    if (text === undefined) return [name, otherwise];
    const from = FROM_ZERO.includes(name) ? 0 : 1;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= from && value <= MOST) return [name, value];
    throw new Misuse(`--${name} is a whole number from ${from} to ${MOST}, not '${text}'.`);
  });
  return Object.fromEntries(numbers) as Record<K, number>;
}

function valuesOf(
  words: readonly string[],
  names: readonly string[],
): Readonly<Record<string, string | undefined>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    // Behind its first sentence it says how to pass what begins with a dash.
    const [said = ''] = error instanceof Error ? error.message.split(/\.?\s*$|\.\s/) : [];
    throw new Misuse(`${said}.`);
  }
}

async function commit(words: readonly string[]): Promise<Report> {
  const defaults = { lanes: 4, batch: 400, count: 100_000, runs: 3 };
  const { runs, ...settings } = numbersOf(words, defaults);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-bench-'));
  fs.chmodSync(directory, 0o755);
  const server = await startEmbedded({
    directory: path.join(directory, 'pg'),
    settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  try {
    await migrate(server.url, 64);
    const serverCpu = (): number =>
      familyOf(server.pid).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const rows = [];
    for (let run = 1; run <= runs; run++) {
      const result = await benchCommit({ url: server.url, serverCpu, ...settings });
      rows.push({ run, ...result });
    }
    return { scenario: 'commit', settings: { ...settings, PostgreSQL: '18, fsync on' }, rows };
  } finally {
    await server.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

async function system(words: readonly string[]): Promise<readonly Report[]> {
  const { seconds, runs } = numbersOf(words, { seconds: 5, runs: 3 });
  return await benchSystem(seconds, runs);
}

async function subscribers(words: readonly string[]): Promise<readonly Report[]> {
  const defaults = { subscribers: 2_000, slow: 200, rate: 500, seconds: 30, resumed: 20 };
  const given = numbersOf(words, { ...defaults, 'slow-ms': NEVER_MS });
  const { 'slow-ms': slowMs, ...numbers } = given;
  return await benchSubscribers({ ...numbers, slowMs, warmUpSeconds: WARM_UP_SECONDS });
}

async function bulk(words: readonly string[]): Promise<Report> {
  const { runs, rounds, seconds } = numbersOf(words, { runs: 5_000, rounds: 5, seconds: 10 });
  return await benchBulk(runs, rounds, seconds);
}

async function failover(words: readonly string[]): Promise<Report> {
  const often = { schedulers: 3, threads: 2, rate: 500, rounds: 10, live: 0, waiting: 0 };
  const numbers = numbersOf(words, often, ['how']);
  const { how = 'kill' } = valuesOf(words, [...Object.keys(often), 'how']);
  if (how !== 'kill' && how !== 'stop') throw new Misuse(`--how is kill or stop, not '${how}'.`);
  return await benchFailover({ ...numbers, how });
}

const SCENARIOS: Readonly<
  Record<string, (words: readonly string[]) => Promise<Report | readonly Report[]>>
> = {
  system,
  commit,
  waiting: async (words) => await benchWaiting(numbersOf(words, { runs: 100_000 }).runs),
  subscribers,
  failover,
  bulk,
};

async function main([name = 'system', ...words]: readonly string[]): Promise<void> {
  if (name === 'help' || [name, ...words].some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(HELP);
    return;
  }
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined) {
    throw new Misuse(`There is no scenario '${name}': see npm run bench -- --help.`);
  }
  for (const report of [await scenario(words)].flat()) print(report);
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const isMisuse = error instanceof Misuse;
    const said = error instanceof Error && !isMisuse ? error.stack : undefined;
    process.stderr.write(`${said ?? (isMisuse ? error.message : String(error))}\n`);
    process.exit(isMisuse ? 2 : 1);
  },
);
