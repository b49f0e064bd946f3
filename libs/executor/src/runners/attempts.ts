import { type Ending, type Millis, type Outcome, type Token, ledgerKey } from '#core';
import {
  type Attempt,
  type AttemptSink,
  type Runner,
  type Running,
  type Stream,
  endError,
  failed,
} from './runner.js';
import type { Spec } from './spec.js';
import type { Wheel } from './wheel.js';

/** What becomes of an attempt, told to whoever started it. */
export interface AttemptEvents {
  started(attempt: Attempt): void;
  ended(attempt: Attempt, ending: Ending): void;
  log(attempt: Attempt, stream: Stream, chunk: Buffer, resume?: () => void): boolean;
  progress(attempt: Attempt, percent: number | null, message: string): void;
}

interface Stopping {
  readonly outcome: Outcome;
  readonly why: string;
}

interface Live {
  readonly attempt: Attempt;
  running: Running | undefined;
  /** Decided, whatever its runner says later. */
  stopping: Stopping | undefined;
  disarm: (() => void) | undefined;
  /** The last word of it, on the wheel's clock. */
  heardAt: Millis;
  disarmHeartbeat: (() => void) | undefined;
  /** When the kill is due, on the wheel's clock. */
  killAt: Millis;
  /** When its time-out is due, on the wheel's clock, which stands still for what is frozen. */
  timeoutAt: Millis;
  frozenAt: Millis | null;
}

/** setTimeout's habit of taking more than this for nothing must not end an attempt at once. */
const TIMEOUT_MS_MAX = 2 ** 40;

/**
 * The parent of all attempts: time-outs, graces and the outcome are decided here, the runners know
 * how to start, ask and kill.
 *
 *   running ──time-out, stop──► stopping ──grace over──► killed ──► ended
 *      └────────────────────────────┴──────────────────────────────► ended
 */
export class Attempts {
  private readonly live = new Map<string, Live>();

  constructor(
    private readonly runnerOf: (spec: Spec) => Runner,
    private readonly events: AttemptEvents,
    private readonly wheel: Wheel,
    private readonly elapsed: () => Millis,
  ) {}

  get size(): number {
    return this.live.size;
  }

  start(attempt: Attempt): void {
    const { timeoutMs } = attempt.work;
    const isTimed = timeoutMs > 0 && timeoutMs < TIMEOUT_MS_MAX;
    const live: Live = {
      attempt,
      running: undefined,
      stopping: undefined,
      disarm: undefined,
      heardAt: this.elapsed(),
      disarmHeartbeat: undefined,
      killAt: Number.POSITIVE_INFINITY,
      timeoutAt: isTimed ? this.elapsed() + timeoutMs : Number.POSITIVE_INFINITY,
      frozenAt: null,
    };
    this.live.set(attempt.key, live);
    this.armTimeout(live);
    this.watch(live);
    try {
      live.running = this.runnerOf(attempt.spec).run(attempt, this.sinkOf(live));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.end(live, failed('RUNNER', `the runner could not start it: ${message}`));
    }
  }

  private armTimeout(live: Live): void {
    if (live.timeoutAt === Number.POSITIVE_INFINITY) return;
    const { timeoutMs, graceMs } = live.attempt.work;
    const why = `it ran longer than ${timeoutMs} ms`;
    const expire = (): void => this.ask(live, { outcome: 'TIMED_OUT', why }, graceMs);
    live.disarm = this.wheel.arm(live.timeoutAt - this.elapsed(), expire);
  }

  /** 1.8: without a word (progress, or a line of its log) for so long it is TIMED_OUT. */
  private watch(live: Live): void {
    const { heartbeatMs, graceMs } = live.attempt.work;
    if (heartbeatMs === null || heartbeatMs <= 0) return;
    const leftMs = live.heardAt + heartbeatMs - this.elapsed();
    if (leftMs <= 0) {
      const why = `it gave no sign of life for ${heartbeatMs} ms (heartbeat)`;
      this.ask(live, { outcome: 'TIMED_OUT', why }, graceMs);
      return;
    }
    live.disarmHeartbeat = this.wheel.arm(leftMs, () => this.watch(live));
  }

  /** 1.7: its clocks stand still as it does. false: it cannot, or its end is decided. */
  freeze(token: Token, on: boolean): boolean {
    const live = this.live.get(ledgerKey(token));
    if (live === undefined || live.stopping !== undefined) return false;
    if (live.running?.freeze?.(on) !== true) return false;
    if (on) this.haltClocks(live);
    else this.startClocks(live);
    return true;
  }

  private haltClocks(live: Live): void {
    if (live.frozenAt !== null) return;
    live.frozenAt = this.elapsed();
    live.disarm?.();
    live.disarmHeartbeat?.();
  }

  private startClocks(live: Live): void {
    if (live.frozenAt === null) return;
    const stoodMs = this.elapsed() - live.frozenAt;
    live.timeoutAt += stoodMs;
    // What it had written before was read while it stood still.
    live.heardAt = Math.min(live.heardAt, live.frozenAt) + stoodMs;
    live.frozenAt = null;
    this.armTimeout(live);
    this.watch(live);
  }

  stop(token: Token, graceMs: Millis, why: string, outcome: Outcome = 'CANCELLED'): void {
    const live = this.live.get(ledgerKey(token));
    if (live !== undefined) this.ask(live, { outcome, why }, graceMs);
  }

  /** The executor itself stops: its attempts are LOST, nobody's fault, and may be retried. */
  stopAll(graceMs: Millis): void {
    const stopping: Stopping = { outcome: 'LOST', why: 'its executor was stopped' };
    for (const live of [...this.live.values()]) this.ask(live, stopping, graceMs);
  }

  private ask(live: Live, stopping: Stopping, graceMs: Millis): void {
    if (this.live.get(live.attempt.key) !== live) return;
    const isFirst = live.stopping === undefined;
    live.stopping ??= stopping;
    const killAt = this.elapsed() + graceMs;
    if (killAt >= live.killAt) return;
    live.killAt = killAt;
    live.disarm?.();
    if (graceMs <= 0) {
      live.running?.kill();
      return;
    }
    live.disarm = this.wheel.arm(graceMs, () => live.running?.kill());
    if (isFirst) live.running?.stop();
  }

  private sinkOf(live: Live): AttemptSink {
    const { attempt } = live;
    const { events } = this;
    return {
      started: () => {
        if (this.live.get(attempt.key) === live) events.started(attempt);
      },
      ended: (ending) => this.end(live, ending),
      log: (stream, chunk, resume) => {
        live.heardAt = this.elapsed();
        // Its log has had its end.
        if (this.live.get(attempt.key) !== live) return true;
        return events.log(attempt, stream, chunk, resume);
      },
      progress: (percent, message) => {
        live.heardAt = this.elapsed();
        if (this.live.get(attempt.key) === live) events.progress(attempt, percent, message);
      },
    };
  }

  private end(live: Live, ending: Ending): void {
    const { attempt, stopping } = live;
    if (this.live.get(attempt.key) !== live) return;
    this.live.delete(attempt.key);
    live.disarm?.();
    live.disarmHeartbeat?.();
    this.events.ended(attempt, stopping === undefined ? ending : stopped(ending, stopping));
  }
}

/** Who was told to stop has not succeeded, even if it took leave with 0. */
function stopped(ending: Ending, { outcome, why }: Stopping): Ending {
  return { ...ending, outcome, error: endError(outcome, why) };
}
