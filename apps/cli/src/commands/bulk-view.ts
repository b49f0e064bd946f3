import { type Column, type OutputFormat } from '../output/render.js';
import { asOptions } from './filter.js';

/** An action on many runs, as the server tells it. */
export interface Bulk {
  readonly id: string;
  readonly state: 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED';
  readonly action: string;
  readonly filter: Readonly<Record<string, unknown>>;
  readonly matched: number;
  readonly applied: number;
  readonly refused: number;
  readonly reason: string;
  readonly by: string;
  readonly startedAt: string;
  readonly trouble: string | null;
  readonly failure: string | null;
  readonly stoppedBy: string | null;
  readonly stopReason: string | null;
}

export const FIELDS = `id state action filter priority perSecond matched applied refused reason by
  startedAt finishedAt trouble failure stoppedBy stopReason`;

const farOf = ({ applied, matched }: Bulk): string => `${applied} of ${matched}`;

/** Why it stands where it is, if there is anything to say. */
function noteOf({ trouble, failure, stoppedBy, stopReason, reason }: Bulk): string {
  if (stoppedBy !== null) return `stopped by ${stoppedBy}: ${stopReason ?? ''}`;
  return failure ?? trouble ?? reason;
}

export const COLUMNS: readonly Column<Bulk>[] = [
  ['ID', ({ id }) => id],
  ['STATE', ({ state }) => state],
  ['ACTION', ({ action }) => action],
  ['APPLIED', farOf],
  ['STARTED', ({ startedAt }) => startedAt],
  ['BY', ({ by }) => by],
  ['FILTER', ({ filter }) => asOptions(filter)],
  ['NOTE', noteOf],
];

/** For a person the filter is what they would type. */
export const shownAs = (bulk: Bulk, format: OutputFormat): object =>
  format === 'table' ? { ...bulk, filter: asOptions(bulk.filter) } : bulk;

/** What was stopped is no success of who has waited for it. */
export const stoppedText = (bulk: Bulk): string =>
  `The action ${bulk.id} was ${noteOf(bulk)}. ` +
  `It was applied to ${farOf(bulk)} runs, which stay so.`;
