import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  type BulkProgress,
  type Connection,
  type HeldBulk,
  type Reader,
  type RunTarget,
  advanceBulk,
  classify,
  failBulk,
  keepBulks,
  listTargets,
  releaseBulks,
  slowBulk,
} from '#postgres';
import type { Logger } from '#telemetry';
import { GATEWAY_READER, HintsService } from '../../intake/hints.service.js';
import { LOGGER } from '../../tokens.js';
import { isDatabaseTrouble, isTooSlow } from '../driver/errors.js';
import { type BulkChunk, BulkItems } from './bulk.items.js';
import { type BulkRequest, readRequest } from './bulk.request.js';

export const BULK_CONNECTION = Symbol('bulk-connection');

const CHUNK = 100;
/**
 * Unless a pace was asked for: small chunks, and rest for as long as so many of them. Whoever
 * submits meanwhile finds the database free, and where that is slow this is slow as well. What is
 * retried has to be run beside all the rest.
 */
const GENTLE = { retry: { chunk: 10, rests: 9 }, command: { chunk: 25, rests: 4 } } as const;
/** A database that is slow is left alone for as long; the lease is renewed meanwhile. */
const GENTLE_REST_MS_MAX = 60_000;
const LOOK_MS = 2_000;
const LEASE_MS = 10_000;
/** At each look; how many are worked at together costs little. */
const TAKEN_MAX = 10;
const TRIES = 10;
const AGAIN_MS = 250;
const STOP_WITHIN_MS = 1_500;
/** So often in a row the database may take too long; it is left alone in between. */
export const SLOW_MAX = 10;
const TOO_SLOW =
  `The database has taken too long for its next runs, ${SLOW_MAX} times in a row. Narrow the ` +
  'filter (by job, by state, by submittedBefore), or try it when there is less to do.';

/** What became of a bulk in this gateway's hands. */
export interface Worked {
  readonly applied: number;
  readonly isDone: boolean;
}
type Step = 'next' | 'done' | 'moved';
interface Work {
  bulk: HeldBulk;
  readonly request: BulkRequest;
  /** How many runs the next chunk takes. */
  size: number;
}

/**
 * Works at actions on many runs, a chunk at a time: those that this gateway began, and those whose
 * gateway no longer renews its lease. What it cannot go on with it leaves alone, and the next look
 * of any gateway takes it up, from the cursor on.
 */
@Injectable()
export class BulkWorker implements OnApplicationBootstrap, OnModuleDestroy {
  /** Anew with each start: what an earlier one of this name held is not ours. */
  readonly lease = { holder: randomUUID(), leaseMs: LEASE_MS };
  private readonly working = new Map<string, Promise<Worked>>();
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;

  constructor(
    @Inject(BULK_CONNECTION) private readonly connection: Connection,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    private readonly items: BulkItems,
    private readonly hints: HintsService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    // One for each bulk that rests.
    setMaxListeners(0, this.stopping.signal);
    this.timer = setInterval(() => void this.look(), LOOK_MS); // it never rejects
  }

  /** The chunk that is under way gets a moment to end; others need not wait for the leases. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    const all = Promise.all(this.working.values()).then(() => this.release());
    await Promise.race([all, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
    await this.connection.stop();
  }

  private async release(): Promise<void> {
    if (!this.connection.connected) return;
    await releaseBulks(this.connection, this.lease.holder).catch((error: unknown) => {
      this.log.warn('actions on many runs wait for the end of their leases', { error });
    });
  }

  /** Never rejects. The lease of it is held already. */
  work(bulk: HeldBulk): Promise<Worked> {
    // Its begin may be answered so late that the look has taken it over here already.
    const known = this.working.get(bulk.id);
    if (known !== undefined) return known;
    const work = this.workThrough(bulk).finally(() => this.working.delete(bulk.id));
    this.working.set(bulk.id, work);
    return work;
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const held = [...this.working.keys()];
      const taken = await keepBulks(this.connection, held, this.lease, TAKEN_MAX);
      for (const bulk of taken) {
        if (this.working.has(bulk.id) || this.stopping.signal.aborted) continue;
        this.log.info('an action on many runs is taken over', { bulk: bulk.id });
        void this.work(bulk);
      }
    } catch (error) {
      this.log.debug('the leases of actions on many runs were not renewed', { error });
    } finally {
      this.isLooking = false;
    }
  }

  private async workThrough(bulk: HeldBulk): Promise<Worked> {
    const request = readRequest(bulk.request);
    const { perSecond } = request;
    const gentle = request.action === 'RETRY' ? GENTLE.retry : GENTLE.command;
    const most = Math.min(CHUNK, perSecond ?? gentle.chunk);
    const work: Work = { bulk, request, size: most };
    try {
      for (;;) {
        const began = performance.now();
        const step = await this.step(work, most);
        if (step !== 'next') return { applied: work.bulk.applied, isDone: step === 'done' };
        const tookMs = performance.now() - began;
        const gentleMs = Math.min(GENTLE_REST_MS_MAX, tookMs * gentle.rests);
        await this.rest(perSecond === null ? gentleMs : (most / perSecond) * 1_000 - tookMs);
      }
    } catch (error) {
      if (!this.stopping.signal.aborted) await this.broken(bulk.id, error);
      return { applied: work.bulk.applied, isDone: false };
    }
  }

  private async step(work: Work, most: number): Promise<Step> {
    this.stopping.signal.throwIfAborted();
    const { bulk, request, size } = work;
    const { project, cursor: after, last: upto } = bulk;
    const page = { project, filter: request.filter, order: 'OLDEST', after, upto } as const;
    const targets = await listTargets(this.reader, { ...page, limit: size });
    const chunk = await this.items.chunkOf(bulk, request, targets);
    const met = targets.slice(0, chunk.met);
    const isDone = targets.length < size && met.length === targets.length;
    try {
      const progress = await this.write(work, met, chunk, isDone);
      if (progress === undefined) return 'moved';
      work.size = most;
      return isDone ? 'done' : 'next';
    } catch (error) {
      if (classify(error).kind !== 'rejected-for-good' || met.length === 0) throw error;
      return await this.refused(work, met, error);
    }
  }

  /** Something in it can never be written: halves, until that stands alone and is passed over. */
  private async refused(work: Work, met: readonly RunTarget[], error: unknown): Promise<Step> {
    if (met.length > 1) {
      work.size = Math.ceil(met.length / 2);
      return 'next';
    }
    this.log.error('a run of many cannot be met', { run: met[0]?.id, error });
    const nothing = await this.items.chunkOf(work.bulk, work.request, []);
    const progress = await this.write(work, met, nothing, false);
    return progress === undefined ? 'moved' : 'next';
  }

  /** The same again, as long as it is not known what became of it. */
  private async write(
    work: Work,
    met: readonly RunTarget[],
    { batch, items }: BulkChunk,
    isDone: boolean,
  ): Promise<BulkProgress | undefined> {
    const { bulk } = work;
    const cursor = met.at(-1)?.id ?? bulk.cursor;
    const applied = bulk.applied + items;
    const to = { cursor, applied, refused: bulk.refused + met.length - items, isDone };
    for (let tries = 1; ; tries++) {
      try {
        const { holder } = this.lease;
        const progress = await advanceBulk(this.connection, bulk, holder, batch, to);
        if (progress === undefined) return undefined;
        work.bulk = { ...bulk, cursor, applied: progress.applied, refused: progress.refused };
        const runs = batch.runs.filter(({ id }) => !progress.folded.has(id));
        this.hints.committed(runs, batch.commands, progress.at);
        return progress;
      } catch (error) {
        const { kind } = classify(error);
        if ((kind !== 'unknown' && kind !== 'rejected-now') || tries >= TRIES) throw error;
        this.log.warn('a chunk of many runs is tried again', { bulk: bulk.id, why: kind, error });
      }
      await this.rest(AGAIN_MS * tries);
    }
  }

  /** Trouble passes, and who looks next goes on; a defect would only come again. */
  private async broken(bulk: string, error: unknown): Promise<void> {
    if (isDatabaseTrouble(error) || classify(error).kind === 'rejected-now') {
      this.log.warn('an action on many runs is left for later', { bulk, error });
      if (isTooSlow(error)) await this.slow(bulk);
      return;
    }
    const reference = randomBytes(6).toString('hex');
    this.log.error('an action on many runs has failed', { bulk, reference, error });
    const failure = `It failed by a defect. Quote the reference ${reference}.`;
    await failBulk(this.connection, bulk, this.lease.holder, failure).catch((why: unknown) => {
      this.log.warn('the failure of an action on many runs is not stored', { bulk, error: why });
    });
  }

  private async slow(bulk: string): Promise<void> {
    const { holder } = this.lease;
    await slowBulk(this.connection, bulk, holder, SLOW_MAX, TOO_SLOW).catch((error: unknown) => {
      this.log.warn('that an action on many runs is slow is not stored', { bulk, error });
    });
  }

  private async rest(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.stopping.signal });
  }
}
