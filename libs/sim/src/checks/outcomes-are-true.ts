import { type Outcome, RUN_STATES, type RunRecord, nameOf } from '#core';
import type { JobSeen } from './watcher.js';
import type { Evidence } from './index.js';

/** These a job has said itself; the others the owner or the executor may have decided. */
const SAID_BY_JOBS: ReadonlySet<Outcome> = new Set(['SUCCEEDED', 'FAILED']);
/** The classes of errors that stand for what a job has said and could not be kept. */
const INVALID = 'RESULT_INVALID';

/** What history says of an attempt is what its job did; SUCCEEDED needs a job that did. */
export function outcomesAreTrue({ world, server, gateway, watcher }: Evidence): void {
  const seen = new Map<string, JobSeen[]>();
  for (const job of watcher.jobs.values()) {
    const { run, attempt } = job.token;
    const key = `${run}/${attempt}`;
    seen.set(key, [...(seen.get(key) ?? []), job]);
  }
  const marked = new Set(
    [...gateway.commands.values()].flatMap(({ run, action }) =>
      action.kind === 'mark' ? [run] : [],
    ),
  );
  for (const row of server.tables.history.values()) {
    const record = JSON.parse(row.record) as RunRecord;
    const hasSucceeded = nameOf(RUN_STATES, row.state) === 'SUCCEEDED';
    const isEarned = record.attempts.at(-1)?.outcome === 'SUCCEEDED' || marked.has(row.id);
    if (hasSucceeded && !isEarned) {
      world.violate('outcomes-are-true', `run ${row.id} succeeded: ${row.record}`);
    }
    for (const { number, outcome, executor, error } of record.attempts) {
      if (outcome === undefined || !SAID_BY_JOBS.has(outcome) || error?.class === INVALID) continue;
      const jobs = seen.get(`${row.id}/${number}`) ?? [];
      const isTrue = jobs.some((job) => job.executor === executor && job.outcome === outcome);
      if (isTrue) continue;
      const did = jobs.map((job) => `${job.executor} ${job.outcome ?? 'never ended'}`).join(', ');
      world.violate('outcomes-are-true', `run ${row.id}/${number} is ${outcome}, but ${did}`);
    }
  }
}
