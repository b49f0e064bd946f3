import { OWNERSHIP, type RunRecord } from '#core';
import type { AsideView, NodeRow, PartitionRow, PlaceRow, RunRow } from '#postgres';
import type { ExecutorView } from '../executor/executor.view.js';
import type { WaitingKind } from '../schema/enums.js';
import { avoidedUntil, nearestOf, neededBy, timeOf } from './nearest.js';
import type { Waiting } from './run.model.js';
import { pausedOf, recordOf } from './run.view.js';

/** What stands outside of the run's own row: each is read only where the state asks for it. */
export interface WaitingFacts {
  /** By the database's clock. */
  readonly now: number;
  readonly executors: readonly ExecutorView[];
  /** Undefined for one that stands in no lane. */
  readonly place: PlaceRow | undefined;
  readonly aside: AsideView | undefined;
  readonly partition: PartitionRow | undefined;
  /** Of the partition; undefined: it has left, or was not seen for an hour. */
  readonly owner: NodeRow | undefined;
}

type More = Partial<Omit<Waiting, 'kind' | 'text'>>;

function waiting(kind: WaitingKind, text: string, more: More = {}): Waiting {
  const none = { hint: null, name: null, until: null };
  return { kind, text, ...none, used: null, limit: null, place: null, nearest: null, ...more };
}

/** Why it is not running, with what would help. Nothing for what moves or has ended. */
export function waitingFor(row: RunRow, facts: WaitingFacts): Waiting[] {
  const causes = causesOf(row, facts);
  const { aside } = facts;
  // One that it has got over since is history.
  if (aside === undefined || aside.at < lastStepOf(row) || isOver(row)) return causes;
  return [setAside(aside), ...causes];
}

const isOver = ({ state, finishedAt }: RunRow): boolean =>
  finishedAt !== null || state === 'RUNNING';

function causesOf(row: RunRow, facts: WaitingFacts): Waiting[] {
  if (!row.taken) return [notTakenIn(row, facts)];
  const { parked } = recordOf(row);
  if (parked !== undefined && row.finishedAt === null) return [parkedFor(parked)];
  switch (row.state) {
    case 'SCHEDULED':
      return [notDue(row.due ?? row.waitsUntil)];
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
          name: row.executor,
        }),
        ...frozen(row),
      ];
    case 'GRANTED':
      return [unconfirmed(row)];
    case 'READY':
      return [waitingForExecutor(row, facts)];
    case 'PAUSED':
      return [paused(row)];
    case 'RUNNING':
      return frozen(row);
    case 'BLOCKED':
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

const notDue = (until: number | null): Waiting =>
  waiting('NOT_DUE', 'Its time has not come.', {
    until,
    hint: 'updateRun changes the time, or `after: "0s"` starts it now.',
  });

function notTakenIn(row: RunRow, { partition, owner: node, now }: WaitingFacts): Waiting {
  // Whether it is taken in makes no difference to it before then.
  if (row.due !== null && row.due > now) return notDue(row.due);
  const text = `Partition ${row.partition} has not taken it in yet`;
  const because = (why: string, hint: string): Waiting =>
    waiting('NOT_TAKEN_IN', `${text}${why}.`, { name: String(row.partition), hint });
  const owner = partition?.owner ?? null;
  if (owner === null) return because('', 'No scheduler owns the partition: start one.');
  if (node !== undefined && node.ageMs < OWNERSHIP.ownerStaleAfterMs) {
    return because('', `If this lasts, look at ${owner}, which owns the partition.`);
  }
  const seen =
    node === undefined
      ? 'is not there any more'
      : `was last seen ${Math.round(node.ageMs / 1_000)} s ago`;
  const hint = `Start a scheduler, or look why ${owner} is not heard.`;
  return because(`: its owner ${owner} ${seen}`, hint);
}

function setAside({ kind, error, at }: AsideView): Waiting {
  const what = `Its message "${kind}" could not be applied`;
  const text = `${what} and was set aside at ${timeOf(at)}: ${error}`;
  const hint = 'The message stands in the table aside. Cancel the run, and submit it anew, mended.';
  return waiting('SET_ASIDE', text, { name: kind, hint });
}

function parkedFor({ reason, at }: NonNullable<RunRecord['parked']>): Waiting {
  const text = `Its owner left it alone at ${timeOf(at)}: ${reason}.`;
  const hint = 'resumeRun lets it go on, cancelRun ends it. The error is in the scheduler’s log.';
  return waiting('PARKED', text, { hint });
}

/** When the run itself last moved on, as far as its row says. */
function lastStepOf(row: RunRow): number {
  const attempt = recordOf(row).attempts.at(-1);
  const times = [row.submittedAt, row.readyAt, row.startedAt];
  const all = [...times, attempt?.grantedAt ?? null, attempt?.finishedAt ?? null];
  return Math.max(...all.map((at) => at ?? 0));
}

function unconfirmed(row: RunRow): Waiting {
  const { attempts, grantedAt } = recordOf(row);
  const at = attempts.at(-1)?.grantedAt ?? grantedAt;
  const since = at === undefined ? '' : ` at ${timeOf(at)}`;
  const text = `Executor ${row.executor} was told of it${since} and has not confirmed its start.`;
  const hint = 'It is told again until it answers; if it falls silent, the attempt goes elsewhere.';
  return waiting('EXECUTOR_SILENT', text, { name: row.executor, hint });
}

function paused(row: RunRow): Waiting {
  const { by, reason, job } = recordOf(row).paused ?? { by: 'somebody', reason: '' };
  const why = reason === '' ? '' : `: ${reason}`;
  if (job === true) {
    const hint = 'resumeJob lets all its runs go on.';
    return waiting('PAUSED', `Its job was paused by ${by}${why}.`, { hint, name: by });
  }
  return waiting('PAUSED', `It was paused by ${by}${why}.`, {
    hint: 'resumeRun lets it go on.',
    name: by,
  });
}

function frozen(row: RunRow): Waiting[] {
  const paused = pausedOf(row);
  if (paused?.how !== 'FREEZE') return [];
  const { by, reason } = paused;
  const text = `It was stopped in place by ${by}${reason === '' ? '' : `: ${reason}`}.`;
  const hint = 'It keeps its slot and its memory; resumeRun lets it go on.';
  return [waiting('PAUSED', text, { hint, name: by })];
}

function waitingForExecutor(row: RunRow, { executors, place, now }: WaitingFacts): Waiting {
  const { pool, need } = row;
  const inPool = executors.filter((each) => each.pool === pool && each.state === 'ACTIVE');
  const able = inPool.filter(({ capabilities }) => capabilities.includes(need));
  const free = able.filter(({ id }) => avoidedUntil(row, id, now) === undefined);
  if (free.length > 0) return waitingForSlot(row, free, place);
  const until = able.map(({ id }) => avoidedUntil(row, id, now) ?? now);
  const text =
    able.length > 0
      ? `Every executor of pool ${pool} that can run it has sent it back too often.`
      : inPool.length === 0
        ? `No executor of pool ${pool} is active.`
        : `None of the ${inPool.length} active executors of pool ${pool} can run ${neededBy(row)}.`;
  return waiting('NO_EXECUTOR', text, {
    name: pool,
    hint: `Start an executor in pool ${pool} that offers ${need}.`,
    until: able.length > 0 ? Math.min(...until) : null,
    used: 0,
    limit: 0,
    nearest: nearestOf(row, executors, now),
  });
}

function waitingForSlot(
  { pool }: RunRow,
  able: readonly ExecutorView[],
  place: PlaceRow | undefined,
): Waiting {
  const limit = able.reduce((sum, each) => sum + each.slots, 0);
  const used = able.reduce((sum, each) => sum + each.busy, 0);
  const slots = `It waits for one of the ${limit} slots of pool ${pool}: ${used} are taken.`;
  return waiting('SLOTS', [slots, lineOf(place)].filter(Boolean).join(' '), {
    name: pool,
    used,
    limit,
    place: place?.place ?? null,
    hint: 'More executors or slots would help; updateRun with a lower `priority` moves it ahead.',
  });
}

function lineOf(place: PlaceRow | undefined): string {
  if (place === undefined) return '';
  if (place.place === 0 && !place.isMore) return 'It is the next of its kind.';
  const number = `${place.isMore ? 'At least ' : ''}${place.place}`;
  const runs = place.place === 1 ? 'run stands' : 'runs stand';
  return `${number} ${runs} before it, of its project, priority and need.`;
}
