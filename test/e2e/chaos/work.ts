import path from 'node:path';
import type { Asked } from './histories.js';

export interface Piece extends Asked {
  readonly input: object;
  /** Soon after it was acknowledged. */
  readonly isCancelled: boolean;
  /** Whoever asks for it does not ask again: it may be stored, or not. */
  readonly isAskedOnce: boolean;
}

const MANY = 30;
const RETRY = { maxAttempts: MANY, delay: '100ms', maxDelay: '1s' };
const LOST = { lostAfter: '2s' };
const SINGLES = 3;
const AFTER_MS = 1_500;

/** What a storm is given to do: the n-th piece is always the same. */
export class Work {
  readonly label: string;
  private readonly shell: string;

  constructor(seed: number, jobsFile: string) {
    this.label = `storm-${seed}`;
    const script = path.join(import.meta.dirname, 'shell-job.mjs');
    this.shell = `exec node '${script}' '${jobsFile}'`;
  }

  of(n: number): Piece {
    const key = `${this.label}-${n}`;
    const { spec, params, dedupKey } = this.kind(n);
    const afterMs = n % 20 === 17 ? AFTER_MS : undefined;
    const once = n % 10 === 3;
    const input = {
      ...{ project: 'demo', labels: { storm: this.label, key }, idempotencyKey: key },
      ...{ spec, params },
      ...(dedupKey === undefined ? {} : { dedupKey }),
      ...(afterMs === undefined ? {} : { after: `${afterMs}ms` }),
    };
    return {
      ...{ key, input, maxAttempts: once ? 1 : MANY },
      ...(once ? { once } : {}),
      ...(dedupKey === undefined ? {} : { single: dedupKey }),
      ...(afterMs === undefined ? {} : { afterMs }),
      isCancelled: n % 25 === 4,
      isAskedOnce: n % 10 === 6,
    };
  }

  private kind(n: number): {
    readonly spec: object;
    readonly params?: object;
    readonly dedupKey?: string;
  } {
    const base = { kind: 'function', name: 'work', retry: RETRY, disconnect: LOST };
    if (n % 100 === 50) {
      return { spec: { kind: 'shell', command: this.shell, retry: RETRY, disconnect: LOST } };
    }
    if (n % 50 === 1) {
      const spec = { ...base, disconnect: { lostAfter: 'NEVER' } };
      return { spec, params: { ms: 300 }, dedupKey: `${this.label}-single-${n % SINGLES}` };
    }
    const ms = n % 20 === 11 ? 2_000 : n % 3 === 0 ? 30 : 0;
    if (n % 10 === 3) return { spec: { ...base, guarantee: 'AT_MOST_ONCE' }, params: { ms } };
    if (n % 20 === 9) return { spec: base, params: { never: true } };
    if (n % 10 === 5) return { spec: base, params: { ms, fail: 1 + (n % 3) } };
    return { spec: base, params: { ms } };
  }
}
