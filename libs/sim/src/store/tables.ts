import type {
  AsideRow,
  ClusterEventKind,
  ExecutorRow,
  Fence,
  FinishedRun,
  Hold,
  Millis,
  RunRow,
  Specification,
  Token,
} from '#core';

/** As `live`: what stays while an attempt is open. */
export type LiveRow = Omit<RunRow, 'is_open' | 'executor' | 'incarnation' | 'epoch' | 'seq'> & {
  id: string;
};
/** As `open_attempt`. */
export interface OpenRow {
  readonly partition: number;
  readonly token: Token;
  state: number;
  startedAt: Millis | null;
  record: string;
  readonly rank: number;
  readonly readyAt: Millis;
  readonly spent: number;
}
export interface HistoryRow extends FinishedRun {
  readonly partition: number;
  readonly project: string;
  readonly job: string | null;
  readonly spec: string;
}
export interface InboxEntry {
  readonly id: string;
  readonly kind: number;
  readonly ref: string | null;
  readonly payload: string | null;
  tries: number;
}
export interface Segment {
  readonly seq: number;
  readonly n: number;
  readonly events: string;
  readonly epoch: number;
  readonly at: Millis;
}
export interface PartitionTable {
  readonly id: number;
  epoch: number;
  owner: string | null;
  seq: number;
  wantedBy: string | null;
  wantedAt: Millis | null;
  claimedAt: Millis | null;
  gaveUp: number;
  gaveUpAt: Millis | null;
  readonly live: Map<string, LiveRow>;
  readonly open: Map<string, OpenRow>;
  readonly inbox: Map<string, InboxEntry>;
  readonly executors: Map<string, ExecutorRow>;
  readonly journal: Segment[];
}
/** As `cluster_event`. */
export interface ClusterEvent {
  readonly partition: number;
  readonly epoch: number;
  readonly kind: ClusterEventKind;
  readonly at: Millis;
  readonly thread: string;
  readonly before: string | null;
  readonly reason: string | null;
  readonly refused: Pick<Fence, 'events' | 'granted' | 'finished'> | null;
}
export interface NodeRow {
  readonly thread: string;
  session: string;
  seen: Millis;
  hearsMs: Millis;
}

/** PostgreSQL as the threads see it: rows, and nothing of how they are kept. */
export class Tables {
  readonly partitions: PartitionTable[];
  readonly history = new Map<string, HistoryRow>();
  readonly answers = new Map<string, string>();
  readonly aside = new Map<string, AsideRow>();
  readonly nodes = new Map<string, NodeRow>();
  readonly intakes = new Map<string, Millis>();
  readonly specifications = new Map<string, Specification>();
  readonly holds = new Map<string, Hold>();
  private readonly told = new Map<string, ClusterEvent>();

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, (_, id) => ({
      id,
      epoch: 0,
      owner: null,
      seq: 0,
      wantedBy: null,
      wantedAt: null,
      claimedAt: null,
      gaveUp: 0,
      gaveUpAt: null,
      live: new Map(),
      open: new Map(),
      inbox: new Map(),
      executors: new Map(),
      journal: [],
    }));
  }

  partition(id: number): PartitionTable {
    const found = this.partitions[id];
    if (found === undefined) throw new Error(`there is no partition ${id}`);
    return found;
  }

  get clusterEvents(): readonly ClusterEvent[] {
    return [...this.told.values()];
  }

  /** Of an epoch each kind happens once. */
  tell(event: ClusterEvent): void {
    const key = `${event.partition}/${event.epoch}/${event.kind}`;
    if (!this.told.has(key)) this.told.set(key, event);
  }

  find(run: string): { readonly table: PartitionTable; readonly live: LiveRow } | undefined {
    for (const table of this.partitions) {
      const live = table.live.get(run);
      if (live !== undefined) return { table, live };
    }
    return undefined;
  }
}

/** As the view `run_now`: a live row with its open attempt. */
export function runNow(table: PartitionTable, live: LiveRow): RunRow {
  const open = table.open.get(live.id);
  return {
    // Each by its name: to copy them all costs ten times as much.
    id: live.id,
    partition: live.partition,
    project: live.project,
    job: live.job,
    job_version: live.job_version,
    spec: live.spec,
    kind: live.kind,
    state: open?.state ?? live.state,
    pool: live.pool,
    need: live.need,
    priority: live.priority,
    lane: live.lane,
    rank: open?.rank ?? live.rank,
    due: live.due,
    expires: live.expires,
    submitted: live.submitted,
    ready: open?.readyAt ?? live.ready,
    started: open?.startedAt ?? null,
    attempt: open?.token.attempt ?? live.attempt,
    spent: open?.spent ?? live.spent,
    executor: open?.token.executor ?? null,
    incarnation: open?.token.incarnation ?? null,
    epoch: open?.token.epoch ?? null,
    seq: open?.token.seq ?? null,
    taken: live.taken || open !== undefined,
    is_open: open !== undefined,
    dedup: live.dedup,
    cache: live.cache,
    params: live.params,
    params_left: live.params_left,
    record: open?.record ?? live.record,
  };
}
