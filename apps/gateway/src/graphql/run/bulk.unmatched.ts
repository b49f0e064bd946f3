import { isFinal } from '#core';
import type { ProjectRow, RunListFilter, RunRow } from '#postgres';
import type { GraphqlContext } from '../driver/context.js';
import { type Path, type UserError, notFoundError, userError } from '../schema/user-error.js';
import { type BulkRequest, FITS } from './bulk.request.js';
import { pausedOf } from './run.view.js';

type Asked = Pick<BulkRequest, 'action' | 'filter'>;

/** Of the runs that a filter names, why each of those is left out that it does not match. */
export async function unmatchedIds(
  context: GraphqlContext,
  project: ProjectRow,
  ids: readonly string[],
  matched: ReadonlySet<string>,
  asked: Asked,
): Promise<UserError[]> {
  const rows = await Promise.all(ids.map(async (id) => await context.runs.load(id)));
  return ids.flatMap((id, i) => {
    if (matched.has(id)) return [];
    const path = ['filter', 'ids', String(i)];
    const row = rows[i];
    // What belongs to another project is said to be as little there as what is nowhere.
    if (row?.project !== project.id) return [notFoundError(path, `Run ${JSON.stringify(id)}`)];
    return [whyNot(row, asked, path)];
  });
}

function whyNot(row: RunRow, { action, filter }: Asked, path: Path): UserError {
  const { state, retries, discarded } = row;
  const is = `Run ${row.id} is ${state}`;
  if (filter.states?.includes(state) !== true) return whyNotState(row, { action, filter }, path);
  if (action === 'RESUME' && pausedOf(row) === null) {
    return userError('RUN_NOT_PAUSED', path, `${is}, and not paused.`);
  }
  if (filter.retried === false && retries.length > 0) {
    const hint = 'To retry it once more: retryRun, or `retried: true` in the filter.';
    return userError('RUN_RETRIED', path, `${is}, and it was retried as ${retries[0]}.`, hint);
  }
  if (filter.discarded === false && discarded !== null) {
    const message = `${is}, and ${discarded.by} has discarded it: ${discarded.reason}.`;
    return userError('RUN_DISCARDED', path, message, 'Ask for it by `discarded: true`.');
  }
  return userError('RUN_NOT_MATCHED', path, `${is}, and the rest of the filter leaves it out.`);
}

function whyNotState({ id, state }: RunRow, { action, filter }: Asked, path: Path): UserError {
  const is = `Run ${id} is ${state}`;
  if (isDeadOnly(filter)) {
    return userError('RUN_NOT_DEAD', path, `${is}: only what is DEAD is a dead letter.`);
  }
  if (FITS[action].includes(state)) {
    const states = filter.states?.join(', ') ?? '';
    return userError('RUN_NOT_MATCHED', path, `${is}, and the filter asks for ${states}.`);
  }
  switch (action) {
    case 'RETRY':
    case 'DISCARD': {
      if (isFinal(state)) return userError('RUN_SUCCEEDED', path, `${is}: nothing is to retry.`);
      return userError('RUN_NOT_FINAL', path, `${is}: it is not over, and goes on by itself.`);
    }
    case 'RESUME':
      return userError('RUN_NOT_PAUSED', path, `${is}, and not paused.`);
    case 'CANCEL':
    case 'REPRIORITIZE':
    case 'PAUSE': {
      if (isFinal(state)) return userError('RUN_FINAL', path, `${is}, which never changes.`);
      if (state === 'PAUSED') return userError('RUN_PAUSED', path, `${is} already.`);
      return userError('RUN_STARTED', path, `${is}: it has started.`);
    }
    default: {
      const never: never = action;
      return never;
    }
  }
}

const isDeadOnly = ({ states }: RunListFilter): boolean =>
  states?.length === 1 && states[0] === 'DEAD';
