import { type EndError, NEVER_AGAIN } from '#core';
import { endError } from '../runners/runner.js';

export interface HandlerContext {
  /** Aborted at the time-out and at a cancel; after the grace the thread is ended. */
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly attempt: number;
  readonly job: string;
  readonly project: string;
  /** A line of the run's log. */
  log(text: string, fields?: Readonly<Record<string, unknown>>): void;
  progress(percent: number | null, message?: string): void;
}

/** `params` is what was submitted, parsed; the result must be JSON of at most 256 KiB. */
export type Handler = (params: unknown, context: HandlerContext) => unknown;

/** Where a handler's words go. */
export interface HandlerSink {
  log(line: string): void;
  progress(percent: number | null, message: string): void;
}

interface Facts {
  readonly run: string;
  readonly attempt: number;
  readonly job: string;
  readonly project: string;
}

/** The abort signal is made when it is asked for: most handlers never do. */
export class CallContext implements HandlerContext {
  private controller: AbortController | undefined;
  private reason: Error | undefined;

  constructor(
    private readonly facts: Facts,
    private readonly sink: HandlerSink,
  ) {}

  get isAborted(): boolean {
    return this.reason !== undefined;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  get runId(): string {
    return this.facts.run;
  }

  get attempt(): number {
    return this.facts.attempt;
  }

  get job(): string {
    return this.facts.job;
  }

  get project(): string {
    return this.facts.project;
  }

  // Properties, so that a handler may take them out of its context.
  readonly log = (text: string, fields?: Readonly<Record<string, unknown>>): void => {
    this.sink.log(fields === undefined ? `${text}\n` : `${text} ${JSON.stringify(fields)}\n`);
  };

  readonly progress = (percent: number | null, message = ''): void => {
    const known = typeof percent === 'number' && Number.isFinite(percent) ? percent : null;
    this.sink.progress(known, String(message).slice(0, 1_000));
  };

  abort(): void {
    this.reason = new Error('the attempt is told to stop');
    this.controller?.abort(this.reason);
  }
}

export type Outcome =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly error: EndError };

// What a handler changes of them is not what encodes its neighbours' results.
const { parse, stringify } = JSON;

export async function callHandler(
  handler: Handler,
  params: string | null,
  context: HandlerContext,
): Promise<Outcome> {
  let value: unknown;
  try {
    value = await handler(params === null ? null : parse(params), context);
  } catch (error) {
    return { ok: false, error: errorFrom(error) };
  }
  return encode(value);
}

function encode(value: unknown): Outcome {
  try {
    const json: unknown = stringify(value ?? null);
    if (typeof json === 'string') return { ok: true, json };
    return { ok: false, error: endError('RESULT_INVALID', `a ${typeof value} is no JSON`) };
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    return { ok: false, error: endError('RESULT_INVALID', `the result is no JSON: ${because}`) };
  }
}

/**
 * An error may say when it wants to be tried again: `retry: 'never'`, or a number of milliseconds.
 * The caps of the job's policy hold all the same.
 */
function retryOf(retry: unknown): number | null {
  if (retry === 'never') return NEVER_AGAIN;
  return typeof retry === 'number' && Number.isFinite(retry) && retry >= 0 ? retry : null;
}

/** Whatever was thrown, in words; a getter that throws is no reason to lose the attempt. */
export function errorFrom(error: unknown): EndError {
  try {
    if (!(error instanceof Error)) return endError('Error', String(error));
    const code = (error as { readonly code?: unknown }).code;
    const { retry } = error as { readonly retry?: unknown };
    const known = typeof code === 'string' || typeof code === 'number' ? String(code) : undefined;
    return endError(error.name, error.message, {
      stack: error.stack,
      ...(known === undefined ? {} : { code: known }),
      retryMs: retryOf(retry),
    });
  } catch {
    return endError('Error', 'what was thrown cannot be read');
  }
}
