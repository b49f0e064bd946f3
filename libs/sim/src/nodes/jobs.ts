import {
  type EndError,
  type Ending,
  type LedgerEffect,
  type Millis,
  type Token,
  ledgerKey,
} from '#core';
import { decodeScript } from './job.js';
import type { Process } from './process.js';

type Start = Extract<LedgerEffect, { kind: 'start' }>;

/** What jobs did, as they say it themselves: the second history that the checks compare. */
export interface JobLog {
  started(token: Token, executor: string): void;
  ended(token: Token, executor: string, outcome: Ending['outcome']): void;
}
export interface JobsHost {
  started(partition: number, token: Token): void;
  ended(partition: number, token: Token, ending: Ending): void;
  froze(partition: number, token: Token, seq: number): void;
}

interface Running {
  readonly start: Start;
  left: Millis;
  since: Millis;
  isFrozen: boolean;
  cancel: () => void;
  readonly ending: Ending;
}

/** What runs on an executor: each job does what its script says. */
export class Jobs {
  private readonly running = new Map<string, Running>();

  constructor(
    private readonly process: Process,
    private readonly host: JobsHost,
    private readonly log: JobLog,
  ) {}

  get size(): number {
    return this.running.size;
  }

  /** They die with their executor. */
  clear(): void {
    this.running.clear();
  }

  begin(start: Start): void {
    const { token, partition, work } = start;
    const script = decodeScript(work.params);
    const end = script.ends[Math.min(token.attempt, script.ends.length) - 1] ?? 'SUCCEEDED';
    const isLong = work.timeoutMs > 0 && script.ms > work.timeoutMs;
    const ending = isLong ? endingOf('TIMED_OUT') : endingOf(end, script.result);
    const running: Running = {
      start,
      left: isLong ? work.timeoutMs : script.ms,
      since: this.process.mono(),
      isFrozen: false,
      cancel: () => undefined,
      ending,
    };
    this.running.set(ledgerKey(token), running);
    this.log.started(token, this.process.name);
    this.process.world.trace(this.process.name, () => `starts ${nameOf(token)}`);
    this.goOn(running);
    this.host.started(partition, token);
  }

  private goOn(running: Running): void {
    running.since = this.process.mono();
    running.cancel = this.process.after(running.left, () => this.ended(running, running.ending));
  }

  private ended(running: Running, ending: Ending): void {
    const { token, partition } = running.start;
    if (!this.running.delete(ledgerKey(token))) return;
    running.cancel();
    this.log.ended(token, this.process.name, ending.outcome);
    this.process.world.trace(this.process.name, () => `ends ${nameOf(token)} ${ending.outcome}`);
    this.host.ended(partition, token, ending);
  }

  stop(token: Token, graceMs: Millis): void {
    const running = this.running.get(ledgerKey(token));
    if (running === undefined) return;
    // Some end at the signal, some have to be killed.
    const takes = this.process.world.random.chance(0.5) ? 1 : graceMs + 1;
    this.process.after(takes, () => this.ended(running, endingOf('CANCELLED')));
  }

  freeze({ partition, token, on, seq }: Extract<LedgerEffect, { kind: 'freeze' }>): void {
    const running = this.running.get(ledgerKey(token));
    if (running === undefined) return;
    if (on && !running.isFrozen) {
      running.cancel();
      running.left = Math.max(0, running.left - (this.process.mono() - running.since));
    } else if (!on && running.isFrozen) this.goOn(running);
    running.isFrozen = on;
    this.host.froze(partition, token, seq);
  }
}

const nameOf = (token: Token): string =>
  `${token.run.slice(-6)}/${token.attempt} at ${token.epoch}.${token.seq}`;

function endingOf(outcome: Ending['outcome'], result: string | null = null): Ending {
  const isOk = outcome === 'SUCCEEDED';
  const error: EndError = {
    class: 'TestError',
    message: 'as its script says',
    code: null,
    stack: null,
    retryMs: null,
  };
  return {
    outcome,
    exitCode: isOk ? 0 : 1,
    signal: null,
    result: isOk ? result : null,
    error: isOk ? null : error,
    cpuMs: null,
    memoryPeakBytes: null,
  };
}
