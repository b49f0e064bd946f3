import { type Clock, TestSignal } from '#actor';
import {
  type Connection,
  type TimeWork,
  beginUpkeep,
  emptyExpired,
  keepTime,
  readUpkeep,
} from '#postgres';
import type { Logger } from '#telemetry';

const EVERY_MS = 60_000;
/** Rows of each table a transaction: some ten milliseconds. */
const BATCH = 1_000;

export interface UpkeepHost {
  /** For one turn: the lock on upkeep lasts as long as the connection. */
  connect(): Connection;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Logger;
}
/** What became of a turn. */
export type Turn =
  | { readonly kind: 'elsewhere' | 'failed' }
  | ({ readonly kind: 'done'; readonly made: number; readonly dropped: number } & {
      readonly busy: number;
      readonly emptied: number;
    });

/**
 * Once a minute, on one scheduler at a time: partitions of time are made ahead and dropped when all
 * in them is past its keeping, and rows that expired go in batches. Each act is a transaction of
 * its own and may be done twice; what fails is done a minute later.
 */
export class Upkeep {
  /** Each turn that ended, for tests. */
  readonly turns = new TestSignal<Turn>();
  private disarm: (() => void) | undefined;
  private connection: Connection | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly host: UpkeepHost,
    private readonly batch = BATCH,
  ) {}

  start(): void {
    if (!this.stopped) this.running ??= this.turn();
  }

  /** A statement under way is cut off: it commits or it does not, and is done again elsewhere. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.disarm?.();
    await this.connection?.stop();
    await this.running;
  }

  private async turn(): Promise<void> {
    const connection = this.host.connect();
    this.connection = connection;
    let turn: Turn = { kind: 'failed' };
    try {
      turn = (await beginUpkeep(connection)) ? await this.keep(connection) : { kind: 'elsewhere' };
    } catch (error) {
      if (!this.stopped) this.host.log.warn('upkeep failed', { error });
    }
    this.connection = undefined;
    await connection.stop();
    if (!this.stopped) {
      this.disarm = this.host.clock.after(EVERY_MS, () => {
        this.running = this.turn();
      });
    }
    this.turns.signal(turn);
  }

  private async keep(connection: Connection): Promise<Turn> {
    const { times, strays } = await readUpkeep(connection);
    for (const { table, rows } of strays) {
      this.host.log.error('rows stand in a default partition', { table, rows });
    }
    const count = { make: 0, drop: 0, busy: 0 };
    const busy = new Set<string>();
    for (const work of times) {
      if (!this.mayGoOn(connection)) break;
      // Dropped in their order: a hole in the journal would mislead who asks for its oldest.
      const table = work.name.replace(/_\d+$/, '');
      if (work.kind === 'drop' && busy.has(table)) continue;
      const done = await this.keepOne(connection, work);
      if (done === 'busy') busy.add(table);
      count[done]++;
    }
    let emptied = 0;
    for (let last = -1; last !== 0 && this.mayGoOn(connection); emptied += last) {
      last = await emptyExpired(connection, this.batch);
    }
    return { kind: 'done', made: count.make, dropped: count.drop, busy: count.busy, emptied };
  }

  private mayGoOn(connection: Connection): boolean {
    // It would connect anew, without the lock.
    if (!connection.connected && !this.stopped) throw new Error('the connection was lost');
    return !this.stopped;
  }

  /** One that cannot be made or dropped keeps nobody from the others. */
  private async keepOne(
    connection: Connection,
    work: TimeWork,
  ): Promise<TimeWork['kind'] | 'busy'> {
    try {
      return (await keepTime(connection, work)) === 'busy' ? 'busy' : work.kind;
    } catch (error) {
      this.host.log.error('a partition of time is not kept up', { ...work, error });
      return 'busy';
    }
  }
}
