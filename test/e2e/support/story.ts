import pg from 'pg';
import { decodeSegment } from '#protocol';

const WATCH_EVERY_MS = 20;

export interface Claimed {
  readonly partition: number;
  readonly epoch: number;
  readonly owner: string | null;
  /** By the database's clock. */
  readonly at: number;
}
export interface ToldRun {
  readonly id: string;
  readonly partition: number;
  readonly submittedAt: number;
  /** When its owner has taken it in. */
  readonly takenAt: number | undefined;
  /** When its first attempt was granted, by the commit that says so. */
  readonly grantedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly state: string;
  /** `TYPE attempt`, in the order of the journal. */
  readonly events: readonly string[];
}

interface Told {
  readonly events: string[];
  takenAt: number | undefined;
  grantedAt: number | undefined;
  finishedAt: number | undefined;
  state: string;
}
const NOTHING = {
  events: [],
  takenAt: undefined,
  grantedAt: undefined,
  finishedAt: undefined,
  state: '',
};

/** What the database says, beside all that Orrery says of it: who owned what, and what happened. */
export class Story {
  /** Every change of an owner that was seen. */
  readonly claims: Claimed[] = [];
  private readonly known = new Map<number, string>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  private readonly client: pg.Pool;

  constructor(url: string) {
    this.client = new pg.Pool({ connectionString: url, max: 2 });
    // The database itself may be killed: the next query connects anew.
    this.client.on('error', () => undefined);
  }

  watch(): void {
    this.timer = setInterval(() => {
      this.looking = this.looking.then(() => this.look()).catch(() => undefined);
    }, WATCH_EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.client.end();
  }

  /** Who owns what now, by the table. */
  async owners(): Promise<readonly Claimed[]> {
    const { rows } = await this.client.query<Claimed>(
      `select id as partition, epoch::float8, owner, extract(epoch from since)::float8 * 1000 as at
       from orrery.partition order by id`,
    );
    return rows;
  }

  /** What the threads of a scheduler own. */
  async ownedBy(scheduler: string): Promise<ReadonlySet<number>> {
    const owners = await this.owners();
    const its = owners.filter(({ owner }) => owner?.startsWith(`${scheduler}.`) === true);
    return new Set(its.map(({ partition }) => partition));
  }

  /** When the threads of a scheduler have last said that they are there. */
  async seen(scheduler: string): Promise<number> {
    const { rows } = await this.client.query<{ at: number | null }>(
      `select extract(epoch from min(seen))::float8 * 1000 as at from orrery.node
       where scheduler = $1`,
      [scheduler],
    );
    return rows[0]?.at ?? 0;
  }

  /** All runs that were submitted since, with all that happened to them. */
  async runs(since: number): Promise<readonly ToldRun[]> {
    const { rows } = await this.client.query<Pick<ToldRun, 'id' | 'partition' | 'submittedAt'>>(
      `select id, partition, extract(epoch from submitted_at)::float8 * 1000 as "submittedAt"
       from (select id, partition, submitted_at from orrery.live
             union all select id, partition, submitted_at from orrery.history) r
       where submitted_at >= to_timestamp($1::float8 / 1000)`,
      [since],
    );
    const told = await this.told(since);
    return rows.map((row) => {
      return { ...row, ...(told.get(row.id) ?? NOTHING) };
    });
  }

  private async told(since: number): Promise<ReadonlyMap<string, Told>> {
    const { rows } = await this.client.query<{ seq: number; at: number; events: string }>(
      `select seq::float8, extract(epoch from at)::float8 * 1000 as at,
         convert_from(events, 'UTF8') as events
       from orrery.journal where at >= to_timestamp($1::float8 / 1000) order by partition, seq`,
      [since],
    );
    const told = new Map<string, Told>();
    for (const { seq, at, events } of rows) {
      for (const { run, type, attempt, to } of decodeSegment(events, seq)) {
        const of = told.get(run) ?? { ...NOTHING, events: [] };
        of.events.push(`${type} ${attempt}`);
        if (type === 'SUBMITTED') of.takenAt ??= at;
        if (type === 'GRANTED') of.grantedAt ??= at;
        if (type === 'FINISHED') of.finishedAt ??= at;
        of.state = to ?? of.state;
        told.set(run, of);
      }
    }
    return told;
  }

  private async look(): Promise<void> {
    for (const claimed of await this.owners()) {
      const text = `${claimed.epoch} ${claimed.owner}`;
      if (this.known.get(claimed.partition) === text) continue;
      this.known.set(claimed.partition, text);
      this.claims.push(claimed);
    }
  }
}
