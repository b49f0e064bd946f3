import { randomUUID } from 'node:crypto';
import { type Context, tell } from '../context.js';
import { renderOne } from '../output/render.js';
import { CommandProblem, type UserError, refuse } from '../problem.js';
import { inWords } from '../words.js';
import { type Begun, begin, calledText, leaveUnnamed } from './bulk-begin.js';
import { exitOf, followBulk, goesOn } from './bulk-progress.js';
import type { Bulk } from './bulk-view.js';
import { type Options, type Values } from './command.js';
import { REASON, durationOf, given, textOf, wholeOf } from './values.js';
import { WITHIN } from './wait.js';

/** How something is done to many runs. */
export const DEED = {
  'dry-run': { type: 'boolean', help: 'only count them' },
  'per-second': { type: 'string', value: 'N', help: 'no more than so many a second; else gently' },
  ...REASON,
  'idempotency-key': { type: 'string', value: 'KEY', help: 'a repeat is the same one' },
  'no-wait': { type: 'boolean', help: 'do not wait for its end' },
  ...WITHIN,
} as const satisfies Options;

interface Deed {
  readonly action: string;
  readonly filter: Readonly<Record<string, unknown>>;
  /** What is said where a filter matches none. */
  readonly none: string;
}

/** Does it to every run that the filter matches, and waits for the end; answers the exit code. */
export async function actOnMany(
  context: Context,
  { action, filter, none }: Deed,
  values: Values,
): Promise<number> {
  const optional = {
    priority: wholeOf(values, 'priority', [1, 10]),
    perSecond: wholeOf(values, 'per-second', [1, 10_000]),
    reason: textOf(values, 'reason'),
    idempotencyKey: textOf(values, 'idempotency-key'),
  };
  const dryRun = values['dry-run'] === true;
  const withinMs = durationOf(values, 'timeout');
  const until = Date.now() + (withinMs ?? 0);
  const { project } = context;
  // What was begun is found again by its key.
  const key = dryRun ? {} : { idempotencyKey: randomUUID() };
  const input = { project, action, dryRun, filter, ...key, ...given(optional) };
  const isLeft = values['no-wait'] === true;
  // Which of the runs that were named are not there is only said when the first part is done.
  const isEnough = isLeft && values['id'] === undefined;
  const { outcome, early } = await begin(context, input, { withinMs, isEnough });
  if (outcome.stopped !== undefined) {
    if (early === undefined) return leaveUnnamed(context, outcome.stopped);
    context.terminal.out(renderOne(shownOf(early), context.format));
    tell(context, goesOn(early.id ?? ''));
    return outcome.stopped;
  }
  const begun = outcome.value;
  const { id, matched, applied, pending, replayed } = begun;
  const errors = errorsOf(context, begun, values, action);
  // Some of many may be refused alone: the rest goes on, and is told first.
  if (matched === 0) {
    refuse(errors);
    sayNothing(context, values, none);
  }
  if (replayed && early === undefined)
    tell(context, 'an earlier request with this key has begun it');
  // One that has stopped short of all has a reason to tell.
  const isFollowed = id !== null && (pending || applied < matched) && !isLeft;
  if (isFollowed && early === undefined) tell(context, calledText(id));
  const left = withinMs === undefined ? undefined : Math.max(0, until - Date.now());
  const followed = isFollowed
    ? await followBulk(context, { id, mustAnswer: false, withinMs: left })
    : undefined;
  const end = followed?.stopped === undefined ? followed?.value : undefined;
  context.terminal.out(renderOne(shownOf(begun, end), context.format));
  refuse(errors);
  if (id !== null && followed !== undefined) return exitOf(context, followed, id);
  if (id !== null && pending) tell(context, goesOn(id));
  return 0;
}

const shownOf = ({ id, matched, applied, pending }: Begun, end?: Bulk): object => ({
  ...{ id, matched },
  applied: end?.applied ?? applied,
  pending: pending && end === undefined,
});

/** Who names a run means it, unless they say otherwise: then only what is there is spoken of. */
function errorsOf(
  context: Context,
  { unmatched, userErrors }: Begun,
  values: Values,
  action: string,
): readonly UserError[] {
  const ids = idsOf(values);
  const all = [...userErrors, ...unmatched].map((error) => {
    const id = ids[Number(error.path[2] ?? 0)];
    const of = id === undefined || error.path[1] !== 'ids' ? {} : { id };
    const hint = inWords(adviceOf(error, action), of) || null;
    const isOfJob = error.path[0] === 'filter' && error.path[1] === 'jobs';
    const path = isOfJob ? ['filter', 'jobs', textOf(values, 'job') ?? ''] : error.path;
    return { ...error, path, hint };
  });
  if (values['ignore-missing'] !== true) return all;
  const [left, rest] = [all.filter(isOfId), all.filter((error) => !isOfId(error))];
  for (const { code, message } of left) if (code !== 'NOT_FOUND') tell(context, message);
  return rest;
}

/** Only what is retried can be asked for although it was seen to. */
function adviceOf({ code, hint }: UserError, action: string): string {
  const isSeenTo = code === 'RUN_RETRIED' || code === 'RUN_DISCARDED';
  return isSeenTo && action !== 'RETRY' ? 'It is no longer in the list.' : (hint ?? '');
}

const isOfId = ({ path: [, field] }: UserError): boolean => field === 'ids';

/** Who names a run means that it is there; a filter may well match none. */
function sayNothing(context: Context, values: Values, none: string): void {
  if (values['ignore-missing'] === true) return;
  if (values['id'] === undefined) return tell(context, none);
  const [id] = idsOf(values);
  throw new CommandProblem(
    `nothing matched: ${id} is no dead letter here, or is discarded. See orrery runs get ${id}.`,
    1,
    [{ code: 'NOTHING_MATCHED', message: 'nothing matched' }],
  );
}

export const idsOf = (values: Values): readonly string[] =>
  [values['id']].flat().filter((id) => typeof id === 'string');
