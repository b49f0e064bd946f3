import type { Effect, PartitionMessage, Store, Token } from '#core';
import type { DownFrom, Owner } from '#protocol';
import type { OwnedPartition } from './partition/owned.js';
import { Assigner } from './assigner.js';
import type { PendingEffect } from './batch.js';
import type { Post } from './post.js';
import type { Reader } from './reader.js';

export type Unexplained = Extract<Effect, { kind: 'unexplained' }>;

export interface PerformerHost {
  readonly life: string;
  /** The partition, if it is still owned at this epoch. */
  ownedAt(partition: number, epoch: number): OwnedPartition | undefined;
  sessionOf(executor: string): string | undefined;
  owners(): readonly Owner[];
  /** The self-audit has met a run that nothing would ever move. */
  unexplained(owned: OwnedPartition, found: Unexplained): void;
}

/** Performs what the partition machine asked of the world, once it may leave (§4, Effects). */
export class Performer {
  private readonly assigner: Assigner;

  constructor(
    private readonly host: PerformerHost,
    private readonly post: Post,
    private readonly reader: Reader,
    store: Pick<Store, 'specification'>,
  ) {
    this.assigner = new Assigner(store, reader, (assignment, work) => {
      const { partition, epoch, effect } = assignment;
      const { token } = effect;
      const said = this.down(assignment, token.executor, (from) => {
        return { kind: 'assign', ...from, token, work };
      });
      // No executor can ever hear of it: it was not sent, so nothing of it has begun.
      if (!said) this.reader.learned(partition, epoch, tooLarge(token));
    });
  }

  /** At the end of a slice. */
  flush(): void {
    this.assigner.flush();
  }

  perform(pending: PendingEffect): void {
    const owned = this.host.ownedAt(pending.partition, pending.epoch);
    if (owned === undefined) return;
    const { effect } = pending;
    switch (effect.kind) {
      case 'opened':
      case 'closed':
        owned.floors.apply(effect);
        return;
      case 'assign':
        this.assigner.add({ ...pending, effect });
        return;
      case 'fetch':
        this.reader.fetch({ ...pending, run: effect.run, read: effect.read });
        return;
      case 'refill':
        this.reader.refill(owned.id, owned.epoch, effect.lane, effect.read);
        return;
      case 'refill-expiries':
        this.reader.expiries(owned.id, owned.epoch, effect.after);
        return;
      case 'read-lanes':
        this.reader.lanes(owned.id, owned.epoch, effect);
        return;
      case 'unexplained':
        this.host.unexplained(owned, effect);
        return;
      case 'read-job':
        this.reader.job(owned.id, owned.epoch, effect);
        return;
      case 'read-held':
        this.reader.held(owned.id, owned.epoch, effect);
        return;
      case 'welcome':
        this.welcome(effect);
        return;
      default:
        this.say(pending, effect);
    }
  }

  /** What is said to an executor of its attempts. */
  private say(
    pending: PendingEffect,
    effect: Extract<Effect, { kind: 'stop' | 'freeze' | 'ack' | 'digested' | 'ask-digest' }>,
  ): void {
    switch (effect.kind) {
      case 'stop': {
        const { token, graceMs, why } = effect;
        this.down(pending, token.executor, (from) => ({
          kind: 'cancel',
          ...from,
          token,
          graceMs,
          why,
        }));
        return;
      }
      case 'freeze': {
        const { token, on, seq } = effect;
        this.down(pending, token.executor, (from) => ({ kind: 'freeze', ...from, token, on, seq }));
        return;
      }
      case 'ack': {
        const { token, of } = effect;
        this.down(pending, token.executor, (from) => ({ kind: 'ack', ...from, token, of }));
        return;
      }
      case 'digested': {
        const { watermark, executor } = effect;
        this.down(pending, executor, (from) => ({ kind: 'digested', ...from, watermark }));
        return;
      }
      case 'ask-digest':
        this.down(pending, effect.executor, (from) => ({ kind: 'askDigest', ...from }));
        return;
      default: {
        const never: never = effect;
        return never;
      }
    }
  }

  /**
   * Said with the session this thread believes in (an executor of another ignores it), and with the
   * floor as it is now that the message leaves. False: it is too large to be said to anybody.
   */
  private down(
    of: { readonly partition: number; readonly epoch: number },
    executor: string,
    build: (from: Pick<DownFrom, 'partition' | 'epoch' | 'floor'>) => DownFrom,
  ): boolean {
    const { partition, epoch } = of;
    const owned = this.host.ownedAt(partition, epoch);
    const session = this.host.sessionOf(executor);
    if (owned === undefined || session === undefined) return true;
    const from = { partition, epoch, floor: owned.floors.floor(executor) };
    return this.post.toExecutor(executor, session, build(from));
  }

  private welcome(effect: Extract<Effect, { kind: 'welcome' }>): void {
    const { executor, session, incarnation } = effect;
    const cluster = this.host.life;
    this.post.toExecutor(executor, session, { kind: 'welcome', cluster, incarnation });
    this.post.toExecutor(executor, session, { kind: 'owners', owners: this.host.owners() });
  }
}

/** Semantics §1.3: what can never run anywhere is REJECTED, and is not tried again. */
const tooLarge = (token: Token): PartitionMessage => ({
  kind: 'result',
  token,
  outcome: 'REJECTED',
  startedAgoMs: null,
  finishedAgoMs: 0,
  exitCode: null,
  signal: null,
  result: null,
  error: {
    class: 'PAYLOAD_TOO_LARGE',
    message: 'its specification and params do not fit into one message to an executor',
    code: null,
    stack: null,
    retryMs: null,
  },
  cpuMs: null,
  memoryPeakBytes: null,
});
