import { BULK_STATES, type BulkState } from '../bulk.js';
import { type Reader, ms } from './reader.js';

/** An action on many runs, as far as it is. */
export interface BulkRow {
  readonly id: string;
  readonly request: string;
  readonly by: string;
  readonly state: BulkState;
  readonly matched: number;
  readonly applied: number;
  readonly refused: number;
  readonly failure: string | null;
  /** How often in a row the database took too long for the next runs. */
  readonly slow: number;
  readonly stoppedBy: string | null;
  readonly stopReason: string | null;
  readonly startedAt: number;
  readonly finishedAt: number | null;
}
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
type Raw = Omit<BulkRow, 'state'> & { readonly state: number } & Record<string, unknown>;

const COLUMNS = `b.id, b.request, b.by, b.state, b.matched, b.applied, b.refused, b.failure,
  b.slow, b.stopped_by as "stoppedBy", b.stop_reason as "stopReason",
  ${ms('b.at')} as "startedAt", ${ms('b.finished_at')} as "finishedAt"`;

const toBulk = ({ state, ...row }: Raw): BulkRow => ({
  ...row,
  state: BULK_STATES[state] ?? 'FAILED',
});

export async function findBulk(
  reader: Reader,
  projects: readonly string[],
  id: string,
): Promise<BulkRow | undefined> {
  const text = `select ${COLUMNS} from bulk b where b.id = $2::uuid`;
  return (await reader.scoped<Raw>(projects, text, [id])).map(toBulk)[0];
}

/** The newest first, from behind `after` on. */
export async function listBulks(
  reader: Reader,
  project: string,
  page: { readonly after: string | null; readonly limit: number },
): Promise<BulkRow[]> {
  const text = `select ${COLUMNS} from bulk b
    where b.project = $2::uuid and b.id < coalesce($3::uuid, '${LAST_ID}')
    order by b.id desc limit $4::int4`;
  return (await reader.scoped<Raw>([project], text, [project, page.after, page.limit])).map(toBulk);
}

/** The one that a key stands for, with the hash of the request that it was made by. */
export async function findKeyedBulk(
  reader: Reader,
  project: string,
  key: string,
): Promise<(BulkRow & { readonly hash: string }) | undefined> {
  const text = `select ${COLUMNS}, i.hash from idempotency i join bulk b on b.id = i.ref
    where i.project = $2::uuid and i.operation = 'bulkRuns' and i.key = $3
      and i.expires >= clock_timestamp()`;
  const [row] = await reader.scoped<Raw & { readonly hash: string }>([project], text, [
    project,
    key,
  ]);
  return row && { ...toBulk(row), hash: row.hash };
}
