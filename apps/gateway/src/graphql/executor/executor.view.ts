import { type Closed, EXECUTOR_STATES, type ExecutorDetail, type ExecutorState } from '#core';
import type { ExecutorRecordRow } from '#postgres';

/** An executor as its partition has recorded it. */
export interface ExecutorView {
  readonly id: string;
  readonly name: string;
  readonly state: ExecutorState;
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly version: string;
  readonly slots: number;
  readonly busy: number;
  readonly since: number;
  readonly closed: Closed | null;
}

export function viewOf(row: ExecutorRecordRow, busy: number): ExecutorView {
  const { detail, closed } = JSON.parse(row.record) as {
    readonly detail?: Partial<ExecutorDetail>;
    readonly closed?: Closed;
  };
  return {
    id: row.id,
    name: detail?.name ?? row.id,
    state: EXECUTOR_STATES[row.state] ?? 'OFFLINE',
    pool: row.pool,
    labels: detail?.labels ?? {},
    capabilities: detail?.capabilities ?? [],
    version: detail?.version ?? '',
    slots: detail?.slots ?? 0,
    busy,
    since: row.since,
    closed: closed ?? null,
  };
}
