import type { RunRow } from '#postgres';
import type { ExecutorView } from '../executor/executor.view.js';
import type { WaitingKind } from '../schema/enums.js';
import type { Waiting } from './run.model.js';
import { recordOf } from './run.view.js';

interface More {
  readonly hint?: string;
  readonly name?: string;
  readonly until?: number | null;
}

function waiting(kind: WaitingKind, text: string, more: More = {}): Waiting {
  const { hint = null, name = null, until = null } = more;
  return { kind, text, hint, name, until };
}

/** Why it is not running, with what would help. Nothing for a run that runs or has ended. */
export function waitingFor(row: RunRow, executors: readonly ExecutorView[]): Waiting[] {
  if (!row.taken) {
    return [
      waiting('NOT_TAKEN_IN', `Partition ${row.partition} has not taken it in yet.`, {
        hint: 'If this lasts, no scheduler owns the partition: start one.',
        name: String(row.partition),
      }),
    ];
  }
  switch (row.state) {
    case 'SCHEDULED':
      return [waiting('NOT_DUE', 'Its time has not come.', { until: row.due ?? row.waitsUntil })];
    case 'WAITING_RETRY':
      return [
        waiting('RETRY_DELAY', `Attempt ${row.attempt} failed; the next one waits for its delay.`, {
          until: row.waitsUntil,
        }),
      ];
    case 'UNKNOWN':
      return [
        waiting('EXECUTOR_SILENT', `Its executor ${row.executor} is silent.`, {
          hint: 'It goes on when the executor is heard, or elsewhere once the attempt is lost.',
          ...(row.executor === null ? {} : { name: row.executor }),
        }),
      ];
    case 'READY':
      return [waitingForExecutor(row, executors)];
    case 'PAUSED':
      return [paused(row)];
    case 'BLOCKED':
    case 'GRANTED':
    case 'RUNNING':
    case 'CANCELLING':
    case 'SUCCEEDED':
    case 'DEAD':
    case 'CANCELLED':
    case 'EXPIRED':
    case 'SKIPPED':
      return [];
    default: {
      const never: never = row.state;
      return never;
    }
  }
}

function paused(row: RunRow): Waiting {
  const { by, reason } = recordOf(row).paused ?? { by: 'somebody', reason: '' };
  const why = reason === '' ? '' : `: ${reason}`;
  return waiting('PAUSED', `It was paused by ${by}${why}.`, {
    hint: 'resumeRun lets it go on.',
    name: by,
  });
}

function waitingForExecutor(row: RunRow, executors: readonly ExecutorView[]): Waiting {
  const { pool, need } = row;
  const inPool = executors.filter((each) => each.pool === pool && each.state === 'ACTIVE');
  const able = inPool.filter(({ capabilities }) => capabilities.includes(need));
  if (able.length > 0) {
    const slots = able.reduce((sum, each) => sum + each.slots, 0);
    const text = `It waits for one of the ${slots} slots of pool ${pool} to be free.`;
    return waiting('SLOTS', text, { name: pool, hint: 'More executors or slots would help.' });
  }
  const what = need.startsWith('function:') ? `the function ${need.slice(9)}` : need;
  const text =
    inPool.length === 0
      ? `No executor of pool ${pool} is active.`
      : `None of the ${inPool.length} active executors of pool ${pool} can run ${what}.`;
  const hint = `Start an executor in pool ${pool} that offers ${need}.`;
  return waiting('NO_EXECUTOR', text, { name: pool, hint });
}
