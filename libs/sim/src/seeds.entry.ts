import { parentPort, workerData } from 'node:worker_threads';
import { type Report, runScenario } from './scenario.js';

export interface SeedsWanted {
  readonly from: number;
  readonly step: number;
  /** Wall time, by `Date.now()`. */
  readonly until: number;
}

/** One seed in so many is run twice: what it does must be the same. */
const TWICE_EVERY = 20;

const { from, step, until } = workerData as SeedsWanted;
for (let seed = from, n = 0; Date.now() < until; seed += step, n++) {
  const report = runScenario(seed);
  const isTwice = n % TWICE_EVERY === 0 && report.violations.length === 0;
  parentPort?.postMessage(isTwice ? compared(report) : report);
}

function compared(report: Report): Report {
  const again = runScenario(report.seed);
  if (again.digest === report.digest) return report;
  return { ...report, violations: [`same-again: ${report.digest}, then ${again.digest}`] };
}
