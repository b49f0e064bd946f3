import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { decodeSegment } from '#protocol';

const LOOK_MS = 20;
const EVEN_MS = 120_000;
const TAKEN_IN_MS = 300_000;
/** Nothing has moved for so long: it stays as it is. */
const STILL_MS = 3_000;

interface Row {
  readonly id: number;
  readonly owner: string | null;
  /** Since when, by the database's clock: that of this machine. */
  readonly since: number;
}

interface Grant {
  readonly partition: number;
  readonly run: string;
  /** Of its commit, by the database's clock. */
  readonly at: number;
}

/** Who owns what, and when each partition went on: by the database alone. */
export class Ownership {
  private constructor(private readonly client: pg.Client) {}

  static async open(url: string): Promise<Ownership> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Ownership(client);
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  /** Each has its share, and keeps it. */
  async even(schedulers: readonly string[]): Promise<void> {
    const until = Date.now() + EVEN_MS;
    for (;;) {
      const rows = await this.rows();
      const least = Math.floor((rows.length / schedulers.length) * 0.75);
      const counts = schedulers.map((name) => rows.filter((row) => isOf(row, name)).length);
      const lastMove = Math.max(...rows.map(({ since }) => since));
      if (counts.every((count) => count >= least) && Date.now() - lastMove > STILL_MS) return;
      if (Date.now() > until) throw new Error(`partitions are not even: ${counts.join()}`);
      await sleep(LOOK_MS * 10);
    }
  }

  /** Everything that was submitted has been taken in. */
  async takenIn(): Promise<void> {
    const until = Date.now() + TAKEN_IN_MS;
    for (;;) {
      const { rows } = await this.client.query('select from orrery.inbox limit 1');
      if (rows.length === 0) return;
      if (Date.now() > until) throw new Error('the inboxes are not empty');
      await sleep(LOOK_MS * 10);
    }
  }

  async ownedBy(scheduler: string): Promise<ReadonlySet<number>> {
    const rows = await this.rows();
    return new Set(rows.filter((row) => isOf(row, scheduler)).map(({ id }) => id));
  }

  /** When each of them had another owner. */
  async moved(
    partitions: ReadonlySet<number>,
    from: string,
    boundMs: number,
  ): Promise<ReadonlyMap<number, number>> {
    const until = Date.now() + boundMs;
    const moved = new Map<number, number>();
    while (moved.size < partitions.size) {
      if (Date.now() > until) throw new Error(`${partitions.size - moved.size} have no owner`);
      for (const row of await this.rows()) {
        const isNew = row.owner !== null && !isOf(row, from) && partitions.has(row.id);
        if (isNew && !moved.has(row.id)) moved.set(row.id, row.since);
      }
      await sleep(LOOK_MS);
    }
    return moved;
  }

  /** When each of them first granted something after it had moved; by then it had to come. */
  async granting(
    partitions: ReadonlySet<number>,
    moved: ReadonlyMap<number, number>,
  ): Promise<ReadonlyMap<number, number>> {
    const granting = new Map<number, number>();
    for (const { partition, at } of await this.grants(Math.min(...moved.values()))) {
      if (!partitions.has(partition) || granting.has(partition)) continue;
      if (at >= (moved.get(partition) ?? 0)) granting.set(partition, at);
    }
    const without = [...partitions].filter((id) => !granting.has(id));
    if (without.length > 0) throw new Error(`partitions ${without.join()} granted nothing`);
    return granting;
  }

  /** The longest that a run waited for its grant, of those that were submitted since. */
  async longestWait(partitions: ReadonlySet<number>, since: number): Promise<number> {
    const { rows } = await this.client.query<{ id: string; partition: number; at: number }>(
      `select id, partition, extract(epoch from submitted_at)::float8 * 1000 as at
       from (select id, partition, submitted_at from orrery.live
             union all select id, partition, submitted_at from orrery.history) r
       where submitted_at >= to_timestamp($1::float8 / 1000)`,
      [since],
    );
    const now = Date.now();
    const granted = new Map<string, number>();
    for (const { run, at } of await this.grants(since)) {
      if (!granted.has(run)) granted.set(run, at);
    }
    const waits = rows
      .filter(({ partition }) => partitions.has(partition))
      .map(({ id, at }) => (granted.get(id) ?? now) - at);
    return Math.round(Math.max(0, ...waits));
  }

  private async grants(since: number): Promise<readonly Grant[]> {
    type Segment = { id: number; at: number; seq: number; events: string };
    const { rows } = await this.client.query<Segment>(
      `select partition as id, seq::float8, extract(epoch from at)::float8 * 1000 as at,
         convert_from(events, 'UTF8') as events
       from orrery.journal where at >= to_timestamp($1::float8 / 1000) order by partition, seq`,
      [since],
    );
    return rows.flatMap(({ id: partition, at, seq, events }) =>
      decodeSegment(events, seq)
        .filter(({ type }) => type === 'GRANTED')
        .map(({ run }) => ({ partition, run, at })),
    );
  }

  private async rows(): Promise<Row[]> {
    const { rows } = await this.client.query<Row>(
      `select id, owner, extract(epoch from since)::float8 * 1000 as since
       from orrery.partition order by id`,
    );
    return rows;
  }
}

const isOf = ({ owner }: Row, scheduler: string): boolean =>
  owner?.startsWith(`${scheduler}.`) === true;
