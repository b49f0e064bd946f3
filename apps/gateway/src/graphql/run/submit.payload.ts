import type { RunRow } from '#postgres';
import type { IntakeItem, Written } from '../../intake/item.js';
import type { GraphqlContext } from '../driver/context.js';
import { notFound } from '../driver/errors.js';
import { type Path, type UserError, userError } from '../schema/user-error.js';
import type { SubmitRunPayload } from './run.payloads.js';
import { toRun } from './run.view.js';
import { refusalOf, troubleOf, writtenRow } from './written.js';

/** A run that is ready to be written. */
export type ReadyRun = IntakeItem & Required<Pick<IntakeItem, 'run'>>;

export const refused = (userErrors: readonly UserError[]): SubmitRunPayload => ({
  run: null,
  replayed: false,
  userErrors,
});
export const isTrouble = (
  written: Written,
): written is Extract<Written, { kind: 'overloaded' | 'unavailable' }> =>
  written.kind === 'overloaded' || written.kind === 'unavailable';

type Earlier = Extract<Written, { kind: 'replayed' | 'folded' }>;
const isEarlier = (written: Written | undefined): written is Earlier =>
  written?.kind === 'replayed' || written?.kind === 'folded';

/** What became of one submission that stands for itself. */
export async function settledPayload(
  context: GraphqlContext,
  item: ReadyRun,
  written: Written | undefined,
): Promise<SubmitRunPayload> {
  if (written !== undefined && isTrouble(written)) throw troubleOf(written);
  return payloadOf(item, written, [], await replayedRuns([written], context));
}

/** The runs that earlier requests made with these keys, of either kind. */
export async function replayedRuns(
  written: readonly (Written | undefined)[],
  context: GraphqlContext,
): Promise<ReadonlyMap<string, RunRow>> {
  const rows = new Map<string, RunRow>();
  const refs = written.flatMap((each) => (isEarlier(each) ? [each.ref] : []));
  const read = async (ref: string): Promise<void> => {
    const row = await context.runs.load(ref);
    // It may be past its retention; the key then still says that it was.
    if (row === undefined) throw notFound(`Run ${ref}, which this key made,`);
    rows.set(ref, row);
  };
  await Promise.all(refs.map(read));
  return rows;
}

export function payloadOf(
  item: ReadyRun,
  written: Written | undefined,
  path: Path,
  replayed: ReadonlyMap<string, RunRow>,
): SubmitRunPayload {
  if (written === undefined) throw new Error(`run ${item.run.id} has no answer`);
  if (isTrouble(written)) {
    const message = 'Perhaps it was stored: repeat it with its key.';
    return refused([userError('UNAVAILABLE', path, message)]);
  }
  switch (written.kind) {
    case 'written':
      return { run: toRun(writtenRow(item.run, written.at)), replayed: false, userErrors: [] };
    case 'folded':
    case 'replayed': {
      const row = replayed.get(written.ref);
      if (row === undefined) throw new Error(`run ${written.ref} was not read`);
      return { run: toRun(row), replayed: true, userErrors: [] };
    }
    case 'conflict':
    case 'refused':
    case 'withdrawn':
      return refused([refusalOf(written, path)]);
    default: {
      const never: never = written;
      return never;
    }
  }
}
