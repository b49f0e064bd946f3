import type { EndError, Ending, Millis, Outcome, Token, Work } from '#core';
import type { Spec } from './spec.js';
import type { Usage } from './usage.js';

/** A token on its way: what a runner is told. */
export interface Attempt {
  readonly key: string;
  readonly partition: number;
  readonly token: Token;
  readonly work: Work;
  readonly spec: Spec;
  /** When it was accepted here; its UTC day names the attempt's log. */
  readonly acceptedAt: Millis;
}

export type Stream = 'stdout' | 'stderr' | 'log';

/** Where a runner reports; each of the two words is said once. */
export interface AttemptSink {
  /** Something of it runs by now. */
  started(): void;
  /** Nothing of it runs any more. */
  ended(ending: Ending): void;
  /** false: enough for now; `resume` is called when there is room again. */
  log(stream: Stream, chunk: Buffer, resume?: () => void): boolean;
  progress(percent: number | null, message: string): void;
}

/** Both may come at any time, more than once, and after the end. */
export interface Running {
  /** Ask it to end. */
  stop(): void;
  /** Make it end. */
  kill(): void;
  /** Stop it in place, or let it go on. false: it ends; without this it cannot stop in place. */
  freeze?(on: boolean): boolean;
}

export interface Runner {
  run(attempt: Attempt, sink: AttemptSink): Running;
}

export const RESULT_BYTES_MAX = 256 * 1024;
const MESSAGE_CHARS_MAX = 4 * 1024;
const STACK_CHARS_MAX = 16 * 1024;

const NOTHING: Omit<Ending, 'outcome'> = {
  exitCode: null,
  signal: null,
  result: null,
  error: null,
  cpuMs: null,
  memoryPeakBytes: null,
};

export const endingOf = (outcome: Outcome, known: Partial<Ending> = {}): Ending => ({
  ...NOTHING,
  ...known,
  outcome,
});

/** Within the bounds of a message, whatever a program has put into its error. */
export const endError = (
  name: string,
  message: string,
  more: {
    readonly code?: string;
    readonly stack?: string | undefined;
    readonly retryMs?: number | null;
  } = {},
): EndError => ({
  class: name.slice(0, 200),
  message: message.slice(0, MESSAGE_CHARS_MAX),
  code: more.code?.slice(0, 200) ?? null,
  stack: more.stack?.slice(0, STACK_CHARS_MAX) ?? null,
  retryMs: more.retryMs ?? null,
});

export const failed = (name: string, message: string): Ending =>
  endingOf('FAILED', { error: endError(name, message) });

export const usageIn = ({ cpuMs, memoryPeakBytes }: Usage): Usage => ({ cpuMs, memoryPeakBytes });

/** SUCCEEDED with this JSON text, or FAILED because it is none or too large. */
export function endingWith(result: string, from: string, usage: Usage = NOTHING): Ending {
  const bytes = Buffer.byteLength(result);
  if (bytes > RESULT_BYTES_MAX) {
    const what = `${from} is ${bytes} bytes; at most ${RESULT_BYTES_MAX} are kept`;
    return { ...failed('RESULT_INVALID', what), ...usageIn(usage) };
  }
  const { cpuMs, memoryPeakBytes } = usage;
  return endingOf('SUCCEEDED', { result, cpuMs, memoryPeakBytes });
}
