import type { Millis } from './machine.js';
import type { Address } from './refs.js';
import type { Clock } from './runtime.js';

export type Directive = 'restart' | 'stop' | 'escalate';

export interface Failure {
  readonly child: Address;
  readonly error: unknown;
  /** The message at hand; undefined when `start` or `settle` failed. */
  readonly message: unknown;
  /** Restarts within the window so far. */
  readonly restarts: number;
}

/** How a parent treats one child; it stands in the child's spawn options. */
export interface SupervisionStrategy {
  readonly scope: 'one';
  readonly decide: (failure: Failure) => Directive;
  /** More than `restarts` within `within`: the failure escalates to the supervisor. */
  readonly intensity: { readonly restarts: number; readonly within: Millis };
  /** Doubles from `first` to `max`; `jitter` in [0, 1] is the part of it that chance may take. */
  readonly backoff: {
    readonly first: Millis;
    readonly max: Millis;
    readonly jitter: number;
    readonly resetAfter: Millis;
  };
}

export interface Verdict {
  readonly directive: Directive;
  readonly delayMs: Millis;
}

/** The memory of one child's failures. */
export class Supervisor {
  private restartedAt: readonly Millis[] = [];
  private failedAt = Number.NEGATIVE_INFINITY;
  private streak = 0;

  constructor(
    private readonly strategy: SupervisionStrategy,
    private readonly clock: Pick<Clock, 'elapsed'>,
    private readonly random: () => number,
  ) {}

  judge(child: Address, error: unknown, message: unknown): Verdict {
    const { intensity, backoff, decide } = this.strategy;
    const now = this.clock.elapsed();
    this.restartedAt = this.restartedAt.filter((at) => now - at < intensity.within);
    if (now - this.failedAt >= backoff.resetAfter) this.streak = 0;
    this.failedAt = now;
    const restarts = this.restartedAt.length;
    const directive = decide({ child, error, message, restarts });
    if (directive !== 'restart') return { directive, delayMs: 0 };
    if (restarts >= intensity.restarts) return { directive: 'escalate', delayMs: 0 };
    this.restartedAt = [...this.restartedAt, now];
    const full = Math.min(backoff.max, backoff.first * 2 ** this.streak);
    this.streak += 1;
    return { directive, delayMs: full * (1 - backoff.jitter * this.random()) };
  }
}
