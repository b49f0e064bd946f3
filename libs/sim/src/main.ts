import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Plan } from './plan.js';
import { type Report, planFor, runScenario } from './scenario.js';
import type { SeedsWanted } from './seeds.entry.js';
import { shrink } from './shrink.js';

const HELP = `npm run sim -- [options]

  Runs scenarios of chaos, calm and checks from fresh seeds, on every core.

  --seconds N   for so long (60)
  --cores N     on so many cores, of those that there are (all)
  --from N      the first seed (the time of day)
  --seed N      this one alone, told line by line
  --plan FILE   this plan alone, as it stands in test/seeds
  --shrink      with --seed or --plan: leave out faults as long as it goes wrong, two minutes
  --quiet       with --seed or --plan: only what went wrong

One scenario in five, by chance, lasts hours with little to do, the others an hour at most. A seed
that goes wrong is written to test/seeds, where a test runs it from then on.
`;
const SEEDS = path.join('test', 'seeds');
const SHRINK_MS = 120_000;
const SEEDS_FROM = [0, 999_999_999] as const;

interface Sum {
  seeds: number;
  virtualMs: number;
  events: number;
  faults: number;
  runs: number;
  failed: number;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function keep(plan: Plan, violations: readonly string[]): void {
  fs.mkdirSync(SEEDS, { recursive: true });
  const file = path.join(SEEDS, `${plan.seed}.json`);
  fs.writeFileSync(file, textOf(plan, violations[0] ?? ''));
  print(`  written to ${file}`);
}

/** One fault a line: it is read by people. */
function textOf({ faults, ...shape }: Plan, found: string): string {
  const lines = faults.map((fault) => `    ${JSON.stringify(fault)}`);
  const head = JSON.stringify({ found, ...shape }, null, 2).slice(0, -2);
  return `${head},\n  "faults": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

async function many(seconds: number, cores: number, first: number): Promise<boolean> {
  const sum: Sum = { seeds: 0, virtualMs: 0, events: 0, faults: 0, runs: 0, failed: 0 };
  const began = Date.now();
  const until = began + seconds * 1_000;
  const workers = Array.from({ length: cores }, async (_, i) => {
    const wanted: SeedsWanted = { from: first + i, step: cores, until };
    const worker = new Worker(new URL('./seeds.entry.js', import.meta.url), { workerData: wanted });
    worker.on('message', (report: Report) => add(sum, report));
    await new Promise<void>((resolve, reject) => {
      worker.once('exit', () => resolve());
      worker.once('error', reject);
    });
  });
  await Promise.all(workers);
  const minutes = (Date.now() - began) / 60_000;
  const hours = sum.virtualMs / 3_600_000;
  print(`${sum.seeds} seeds from ${first}, ${sum.failed} went wrong`);
  print(
    `${hours.toFixed(1)} virtual hours, ${(hours / minutes / cores).toFixed(0)} a minute and core`,
  );
  print(
    `${Math.round(sum.events / minutes / 60)} events/s, ${sum.faults} faults, ${sum.runs} runs`,
  );
  return sum.failed === 0;
}

function add(sum: Sum, report: Report): void {
  sum.seeds++;
  sum.virtualMs += report.virtualMs;
  sum.events += report.events;
  sum.faults += report.faults;
  sum.runs += report.runs;
  if (report.violations.length === 0) return;
  sum.failed++;
  print(`seed ${report.seed}: ${report.violations[0]}`);
  keep(planFor(report.seed), report.violations);
}

function one(plan: Plan, isQuiet: boolean, isShrunk: boolean): boolean {
  const until = Date.now() + SHRINK_MS;
  const small = isShrunk ? shrink(plan, () => Date.now() < until) : plan;
  if (isShrunk) print(`${small.faults.length} of ${plan.faults.length} faults are enough`);
  const trace = isQuiet ? {} : { trace: print };
  const report = runScenario(small.seed, { plan: small, ...trace });
  for (const violation of report.violations) print(violation);
  if (isShrunk && report.violations.length > 0) keep(small, report.violations);
  return report.violations.length === 0;
}

/** Typed wrong: said in one sentence. */
class Misuse extends Error {}

/** A whole number, or a sentence that says what it may be. */
function wholeOf(
  name: string,
  text: string | undefined,
  [from, to]: readonly [number, number],
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw new Misuse(`--${name} is a whole number from ${from} to ${to}, not '${text}'.`);
}

function planIn(file: string): Plan {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new Misuse(`The plan ${file} cannot be read: ${why}.`);
  }
  try {
    const plan = JSON.parse(text) as Plan;
    if (Array.isArray(plan.faults)) return plan;
  } catch {
    // no JSON is no plan either
  }
  throw new Misuse(`The file ${file} is no plan: there are some in test/seeds.`);
}

function given() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string' },
        cores: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        plan: { type: 'string' },
        shrink: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    // Behind its first sentence it says how to pass what begins with a dash.
    const [said = ''] = error instanceof Error ? error.message.split(/\.?\s*$|\.\s/) : [];
    throw new Misuse(`${said}.`);
  }
}

/** What would be ignored is refused: who typed it meant something. */
function checkTogether(values: ReturnType<typeof given>): void {
  if (values.seed !== undefined && values.plan !== undefined) {
    throw new Misuse('Give --seed or --plan, not both.');
  }
  const isOne = values.seed !== undefined || values.plan !== undefined;
  const ofOne = (['shrink', 'quiet'] as const).find((name) => !isOne && values[name]);
  const ofMany = (['seconds', 'cores', 'from'] as const).find((name) => isOne && values[name]);
  if (ofOne !== undefined) {
    throw new Misuse(`--${ofOne} is of one scenario: name it by --seed or --plan.`);
  }
  if (ofMany !== undefined) {
    throw new Misuse(`--${ofMany} is of many seeds, and --seed or --plan names one.`);
  }
}

async function main(): Promise<boolean> {
  const values = given();
  if (values.help) {
    print(HELP);
    return true;
  }
  checkTogether(values);
  const all = os.availableParallelism();
  const seed = wholeOf('seed', values.seed, SEEDS_FROM);
  const seconds = wholeOf('seconds', values.seconds, [1, 86_400]) ?? 60;
  const cores = wholeOf('cores', values.cores, [1, all]) ?? all;
  const from = wholeOf('from', values.from, SEEDS_FROM) ?? Date.now() % 1_000_000_000;
  if (seed !== undefined) return one(planFor(seed), values.quiet, values.shrink);
  if (values.plan !== undefined) return one(planIn(values.plan), values.quiet, values.shrink);
  return await many(seconds, cores, from);
}

main().then(
  (ok) => {
    process.exitCode = ok ? 0 : 1;
  },
  (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${error instanceof Misuse ? error.message : stack}\n`);
    process.exitCode = error instanceof Misuse ? 2 : 70;
  },
);
