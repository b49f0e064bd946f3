import type { AttemptRecord, Cell, Outcome, RunError, Token } from '../run/run.js';
import type { ResultReport } from './messages.js';

export interface AttemptEnd {
  readonly isGivenUp?: true;
  readonly outcome: Outcome;
  readonly finishedAt: number;
  readonly report?: ResultReport;
  readonly error?: RunError;
}

export function attemptOf(cell: Cell, token: Token, end: AttemptEnd): AttemptRecord {
  const { report } = end;
  return {
    number: token.attempt,
    executor: token.executor,
    grantedAt: cell.record.grantedAt ?? end.finishedAt,
    finishedAt: end.finishedAt,
    outcome: end.outcome,
    ...(cell.startedAt === null ? {} : { startedAt: cell.startedAt }),
    ...(end.error === undefined ? {} : { error: end.error }),
    ...(report === undefined || report.exitCode === null ? {} : { exitCode: report.exitCode }),
    ...(report === undefined || report.signal === null ? {} : { signal: report.signal }),
    ...(report === undefined || report.cpuMs === null ? {} : { cpuMs: report.cpuMs }),
    ...(report === undefined || report.memoryPeakBytes === null
      ? {}
      : { memoryPeakBytes: report.memoryPeakBytes }),
  };
}

/** What was thought lost has succeeded: its attempt says how, and nothing is said of a loss. */
export function foundAgain(cell: Cell, token: Token, end: AttemptEnd): void {
  const { record } = cell;
  const at = record.attempts.findLastIndex(({ number }) => number === token.attempt);
  const known = record.attempts[at];
  if (known !== undefined) {
    const startedAt = cell.startedAt ?? known.startedAt;
    const found = attemptOf(cell, token, end);
    record.attempts[at] = startedAt === undefined ? found : { ...found, startedAt };
  }
  delete record.reason;
}
