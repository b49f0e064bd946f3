import fs from 'node:fs';
import path from 'node:path';
import { until } from '#actor';
import { eventually } from '../support/runs.js';
import { accountOf, linesOf, openRuns } from './account.js';
import { type Least, type Verdict, check, tell } from './checker.js';
import { Clients } from './clients.js';
import type { ClientLine, Histories, JobLine } from './histories.js';
import { type Plan, textOf } from './plan.js';
import type { Town } from './town.js';
import { Work } from './work.js';

const EVIDENCE = path.resolve(import.meta.dirname, '..', '..', '..', '.cache', 'chaos');
const LATE_MS = 5_000;
/** Faults have ceased: everybody has to be there again, and everything to end. */
const CALM_MS = 60_000;
/** A machine that is too slow for the rate has more to do afterwards. */
const BACKLOG_MS = 600_000;

export interface Weathered extends Verdict {
  readonly calmMs: number;
  readonly text: string;
  readonly histories: Histories;
}

/** Faults by the plan under a steady load, then calm; then what three histories say of it. */
export async function weather(town: Town, plan: Plan): Promise<Weathered> {
  const judged = await under(town, plan, leastOf(plan), async () => {
    const began = performance.now();
    const at = (ms: number): Promise<void> =>
      until(() => performance.now() - began >= ms, ms + LATE_MS);
    for (const fault of plan.faults) {
      await at(fault.atMs);
      town.strike(fault);
    }
    await at(plan.seconds * 1_000);
  });
  if (judged.violations.length > 0) keep(plan, judged, town);
  return judged;
}

/** Whatever is done, under a steady load. */
export async function under(
  town: Town,
  { seed, rate }: Pick<Plan, 'seed' | 'rate'>,
  least: Least,
  act: () => Promise<void>,
): Promise<Weathered> {
  const work = new Work(seed, town.jobsFile);
  const file = path.join(town.directory, work.label);
  const from = { jobs: sizeOf(town.jobsFile), faults: town.faults.length };
  const clients = new Clients(town.orrery, file, work, seed);
  clients.start(rate);
  try {
    await act();
  } finally {
    town.calm();
    clients.stop();
  }
  const calm = performance.now();
  await until(() => clients.isQuiet, CALM_MS);
  clients.close();
  await town.whole();
  const client = town.orrery.client();
  await ended(town, () => openRuns(client, work.label));
  const calmMs = Math.round(performance.now() - calm);
  const histories: Histories = {
    clients: linesOf<ClientLine>(file),
    account: await accountOf(client, work.label),
    faults: town.faults.slice(from.faults),
    jobs: linesOf<JobLine>(town.jobsFile, from.jobs),
  };
  await client.close();
  const verdict = check(histories, least);
  return { ...verdict, calmMs, text: tell(verdict.violations), histories };
}

/** Or nothing has run for so long: what has not ended is a violation, told with the others. */
async function ended(town: Town, open: () => Promise<readonly string[]>): Promise<void> {
  let seen = { jobs: -1, at: 0 };
  await eventually(
    open,
    (runs) => {
      const jobs = sizeOf(town.jobsFile);
      if (jobs !== seen.jobs) seen = { jobs, at: performance.now() };
      return runs.length === 0 || performance.now() - seen.at > CALM_MS;
    },
    BACKLOG_MS,
  );
}

const sizeOf = (file: string): number => (fs.existsSync(file) ? fs.statSync(file).size : 0);

/** A share of what the plan would come to if it harmed nobody. */
function leastOf({ rate, seconds, faults }: Plan): Least {
  const kills = faults.filter(({ what }) => what === 'kill').length;
  const runs = Math.round(rate * seconds * 0.3);
  return { acknowledged: runs, started: runs, kills: Math.ceil(kills / 2), inFlight: kills };
}

/** All of it, for whoever has to find out: the plan as it can be given again, and the logs. */
function keep(plan: Plan, { histories, text }: Weathered, town: Town): void {
  const folder = path.join(EVIDENCE, String(plan.seed));
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'plan.json'), textOf(plan));
  fs.writeFileSync(path.join(folder, 'violations'), text);
  for (const [name, lines] of Object.entries(histories)) {
    const body = (lines as readonly object[]).map((line) => `${JSON.stringify(line)}\n`).join('');
    fs.writeFileSync(path.join(folder, `${name}.jsonl`), body);
  }
  const logs = path.join(town.orrery.home, 'logs');
  fs.cpSync(logs, path.join(folder, 'logs'), { recursive: true });
  for (const name of fs.readdirSync(town.directory).filter((each) => each.endsWith('.log'))) {
    fs.copyFileSync(path.join(town.directory, name), path.join(folder, 'logs', name));
  }
  process.stdout.write(`kept in ${path.relative(process.cwd(), folder)}\n`);
}
