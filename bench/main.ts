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

async function commit(words: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      lanes: { type: 'string', default: '4' },
      batch: { type: 'string', default: '400' },
      count: { type: 'string', default: '100000' },
      runs: { type: 'string', default: '3' },
    },
  });
  const settings = {
    lanes: Number(values.lanes),
    batch: Number(values.batch),
    count: Number(values.count),
  };
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
    for (let run = 1; run <= Number(values.runs); run++) {
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
  const { values } = parseArgs({
    args: [...words],
    options: {
      seconds: { type: 'string', default: '5' },
      runs: { type: 'string', default: '3' },
    },
  });
  return await benchSystem(Number(values.seconds), Number(values.runs));
}

async function subscribers(words: readonly string[]): Promise<readonly Report[]> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      subscribers: { type: 'string', default: '2000' },
      slow: { type: 'string', default: '200' },
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '30' },
      resumed: { type: 'string', default: '20' },
      'slow-ms': { type: 'string', default: String(NEVER_MS) },
    },
  });
  return await benchSubscribers({
    subscribers: Number(values.subscribers),
    slow: Number(values.slow),
    slowMs: Number(values['slow-ms']),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    warmUpSeconds: WARM_UP_SECONDS,
    resumed: Number(values.resumed),
  });
}

async function bulk(words: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      runs: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '10' },
    },
  });
  return await benchBulk(Number(values.runs), Number(values.rounds), Number(values.seconds));
}

async function failover(words: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      schedulers: { type: 'string', default: '3' },
      threads: { type: 'string', default: '2' },
      rate: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '10' },
      how: { type: 'string', default: 'kill' },
      live: { type: 'string', default: '0' },
      waiting: { type: 'string', default: '0' },
    },
  });
  if (values.how !== 'kill' && values.how !== 'stop') throw new Error('--how is kill or stop');
  return await benchFailover({
    schedulers: Number(values.schedulers),
    threads: Number(values.threads),
    rate: Number(values.rate),
    rounds: Number(values.rounds),
    how: values.how,
    live: Number(values.live),
    waiting: Number(values.waiting),
  });
}

async function main([scenario = 'system', ...words]: readonly string[]): Promise<number> {
  if (scenario === 'system') {
    for (const report of await system(words)) print(report);
    return 0;
  }
  if (scenario === 'commit') {
    print(await commit(words));
    return 0;
  }
  if (scenario === 'waiting') {
    const options = { runs: { type: 'string', default: '100000' } } as const;
    const { values } = parseArgs({ args: [...words], options });
    print(await benchWaiting(Number(values.runs)));
    return 0;
  }
  if (scenario === 'subscribers') {
    for (const report of await subscribers(words)) print(report);
    return 0;
  }
  if (scenario === 'failover') {
    print(await failover(words));
    return 0;
  }
  if (scenario === 'bulk') {
    print(await bulk(words));
    return 0;
  }
  process.stdout.write(HELP);
  return scenario === 'help' ? 0 : 2;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
