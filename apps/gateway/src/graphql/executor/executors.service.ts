import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { systemClock } from '#actor';
import { type Reader, countBusy, findExecutors, listExecutors } from '#postgres';
import type { Logger } from '#telemetry';
import { ProjectsService } from '../../auth/projects.service.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import type { Stream } from '../../live/pull.js';
import { LOGGER } from '../../tokens.js';
import { Level } from '../pool/level.js';
import { Watch } from '../pool/watch.js';
import {
  type ConnectionOf,
  type PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import type { ExecutorFilter } from './executor.model.js';
import { type ExecutorView, viewOf } from './executor.view.js';

/** Of a change and of the look that shows it: together far below the second that is promised. */
const FRESH_MS = 200;
/** A fleet of thousands takes long to read: a tenth of the time at most. */
const SHARE = 10;
const LIST_MAX = 10_000;
const CURSOR = 'executor';

/** Executors belong to no project: every key may see them. */
@Injectable()
export class ExecutorsService implements OnApplicationShutdown {
  private readonly level: Level<readonly ExecutorView[]>;
  private readonly busy: Level<ReadonlyMap<string, number>>;
  private readonly watch: Watch<ExecutorView>;

  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(LOGGER) log: Logger,
    private readonly projects: ProjectsService,
  ) {
    const clock = systemClock;
    const often = { clock, freshMs: FRESH_MS, share: SHARE };
    this.level = new Level({ read: () => this.list(), ...often });
    this.busy = new Level({ read: () => this.countBusy(), ...often });
    const read = (): Promise<readonly ExecutorView[]> => this.all();
    const nameOf = ({ id }: ExecutorView): string => id;
    this.watch = new Watch({ read, nameOf, everyMs: FRESH_MS, clock, log });
  }

  onApplicationShutdown(): void {
    this.watch.stop();
  }

  async find(ids: readonly string[]): Promise<readonly ExecutorView[]> {
    const [rows, busy] = await Promise.all([findExecutors(this.reader, ids), this.busy.get()]);
    return rows.map((row) => viewOf(row, busy.get(row.id) ?? 0));
  }

  /** By id; at most a moment old. */
  async all(): Promise<readonly ExecutorView[]> {
    return await this.level.get();
  }

  async page(page: PageArgs, filter: ExecutorFilter): Promise<ConnectionOf<ExecutorView>> {
    const [after] = decodeCursor(CURSOR, page.after, ([id]) => typeof id === 'string') ?? [''];
    const size = pageSize(page.first);
    const found = (await this.all()).filter(
      (executor) => executor.id > (after as string) && isMeant(executor, filter),
    );
    return pageOf(
      found,
      size,
      (executor) => executor,
      ({ id }) => encodeCursor(CURSOR, id),
    );
  }

  /** Each that is meant as it is now, then whenever it changes. */
  follow(filter: ExecutorFilter): Stream<ExecutorView> {
    return this.watch.follow((executor) => isMeant(executor, filter));
  }

  private async list(): Promise<readonly ExecutorView[]> {
    const [rows, busy] = await Promise.all([
      listExecutors(this.reader, { after: null, limit: LIST_MAX }),
      this.busy.get(),
    ]);
    return rows.map((row) => viewOf(row, busy.get(row.id) ?? 0));
  }

  /** A count over every project, which tells of none of them. */
  private async countBusy(): Promise<ReadonlyMap<string, number>> {
    const rows = await countBusy(this.reader, await this.projects.scopeOf({ projects: null }));
    return new Map(rows.map(({ executor, busy }) => [executor, busy]));
  }
}

const isMeant = ({ pool, state }: ExecutorView, { pools, states }: ExecutorFilter): boolean =>
  (pools?.includes(pool) ?? true) && (states?.includes(state) ?? true);
