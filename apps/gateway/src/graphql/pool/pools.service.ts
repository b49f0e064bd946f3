import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { systemClock } from '#actor';
import { type Reader, countWaiting } from '#postgres';
import type { Logger } from '#telemetry';
import { ProjectsService } from '../../auth/projects.service.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import type { Stream } from '../../live/pull.js';
import { LOGGER } from '../../tokens.js';
import { ExecutorsService } from '../executor/executors.service.js';
import { Level } from './level.js';
import type { Pool, PoolQueue, PoolView } from './pool.model.js';
import { Watch } from './watch.js';

const FRESH_MS = 1_000;
/** A queue of hundreds of thousands takes long to count: a twentieth of the time at most. */
const SHARE = 20;
const NOTHING: PoolQueue = { waiting: 0, oldest: null };

/** Pools as PostgreSQL knows them: decision 16. */
@Injectable()
export class PoolsService implements OnApplicationShutdown {
  private readonly queues: Level<ReadonlyMap<string, PoolQueue>>;
  private readonly watch: Watch<PoolView>;

  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(LOGGER) log: Logger,
    private readonly projects: ProjectsService,
    private readonly executors: ExecutorsService,
  ) {
    const clock = systemClock;
    const share = { clock, freshMs: FRESH_MS, share: SHARE };
    this.queues = new Level({ read: () => this.count(), ...share });
    const read = (): Promise<readonly PoolView[]> => this.all();
    const nameOf = ({ name }: Pool): string => name;
    this.watch = new Watch({ read, nameOf, everyMs: FRESH_MS, clock, log });
  }

  onApplicationShutdown(): void {
    this.watch.stop();
  }

  /** Every pool that has an executor or for which a run waits, by name. */
  async all(): Promise<readonly PoolView[]> {
    const [own, queues] = await Promise.all([this.ofExecutors(), this.queues.get()]);
    const names = [...new Set([...own.keys(), ...queues.keys()])].sort();
    return names.map((name) => {
      const { slots, busy } = own.get(name) ?? empty(name);
      return { name, slots, busy, queue: queues.get(name) ?? NOTHING };
    });
  }

  /** Nothing is counted for it. */
  async named(name: string): Promise<PoolView> {
    return (await this.ofExecutors()).get(name) ?? empty(name);
  }

  async queueOf({ name, queue }: PoolView): Promise<PoolQueue> {
    return queue ?? (await this.queues.get()).get(name) ?? NOTHING;
  }

  /** The pool as it is, then after each change; one that is not there has nothing. */
  follow(name: string): Stream<PoolView> {
    const absent = { name, slots: 0, busy: 0, queue: NOTHING };
    return this.watch.follow((pool) => pool.name === name, absent);
  }

  private async ofExecutors(): Promise<ReadonlyMap<string, Pool>> {
    const pools = new Map<string, Pool>();
    for (const { pool, state, slots, busy } of await this.executors.all()) {
      const known = pools.get(pool) ?? empty(pool);
      const given = state === 'ACTIVE' ? slots : 0;
      pools.set(pool, { name: pool, slots: known.slots + given, busy: known.busy + busy });
    }
    return pools;
  }

  private async count(): Promise<ReadonlyMap<string, PoolQueue>> {
    const rows = await countWaiting(this.reader, await this.projects.scopeOf({ projects: null }));
    return new Map(rows.map(({ pool, waiting, oldest }) => [pool, { waiting, oldest }]));
  }
}

const empty = (name: string): Pool => ({ name, slots: 0, busy: 0 });
