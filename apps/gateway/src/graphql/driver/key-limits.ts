import type { GraphQLError } from 'graphql';
import type { Clock } from '#actor';
import { formatDuration } from '#config';
import { problem } from './errors.js';

export interface KeyLimitsOptions {
  /** Operations a second; 0: as many as come. */
  readonly rate: number;
  /** Subscriptions that are open at a time. */
  readonly subscriptionsMax: number;
  readonly clock: Pick<Clock, 'elapsed'>;
}

/** In thousandths of an operation, so that a millisecond refills whole ones. */
const OPERATION = 1_000;
interface Bucket {
  /** Below zero: what was let in cost more than was left. */
  left: number;
  at: number;
}

/** When there are as many buckets, those that are full again are dropped. */
const BUCKETS_SWEPT_AT = 1_000;

/** What one key may take of this gateway, whichever transport it comes by. */
export class KeyLimits {
  private readonly buckets = new Map<string, Bucket>();
  private readonly open = new Map<string, number>();
  private sweepAt = BUCKETS_SWEPT_AT;

  constructor(private readonly options: KeyLimitsOptions) {}

  /** One operation, before anything is done for it. A second's worth may come at once. */
  take(key: string): GraphQLError | undefined {
    const { rate } = this.options;
    if (rate === 0) return undefined;
    const bucket = this.filled(key);
    if (bucket.left >= OPERATION) {
      bucket.left -= OPERATION;
      return undefined;
    }
    const retryAfter = formatDuration(Math.ceil((OPERATION - bucket.left) / rate));
    const message = `This key may do ${rate} operations a second; try again in ${retryAfter}.`;
    return problem('RATE_LIMITED', message, { retryAfter });
  }

  /** What an operation that was let in turned out to cost beyond one: the next one waits for it. */
  owe(key: string, more: number): void {
    if (this.options.rate > 0) this.filled(key).left -= more * OPERATION;
  }

  /** Another subscription of the key: how to end it, which may be called twice. */
  follow(key: string): GraphQLError | (() => void) {
    const { subscriptionsMax: max } = this.options;
    const open = this.open.get(key) ?? 0;
    if (open >= max) {
      const message = `This key has ${max} subscriptions open, which is the most: end one first.`;
      return problem('COMPLEXITY_EXCEEDED', message, { limit: 'subscriptions', max });
    }
    this.open.set(key, open + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.open.get(key) ?? 1) - 1;
      if (left > 0) this.open.set(key, left);
      else this.open.delete(key);
    };
  }

  private filled(key: string): Bucket {
    const at = this.options.clock.elapsed();
    let bucket = this.buckets.get(key);
    if (bucket === undefined) {
      if (this.buckets.size >= this.sweepAt) this.sweep(at);
      bucket = { left: this.options.rate * OPERATION, at };
      this.buckets.set(key, bucket);
    }
    bucket.left = this.level(bucket, at);
    bucket.at = at;
    return bucket;
  }

  private level({ left, at }: Bucket, now: number): number {
    const { rate } = this.options;
    return Math.min(rate * OPERATION, left + (now - at) * rate);
  }

  /** A full bucket is as good as none. */
  private sweep(now: number): void {
    for (const [key, bucket] of this.buckets) {
      if (this.level(bucket, now) >= this.options.rate * OPERATION) this.buckets.delete(key);
    }
    this.sweepAt = Math.max(BUCKETS_SWEPT_AT, 2 * this.buckets.size);
  }
}
