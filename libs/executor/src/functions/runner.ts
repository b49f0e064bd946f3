import { AsyncLocalStorage } from 'node:async_hooks';
import { pathToFileURL } from 'node:url';
import type { Ending } from '#core';
import {
  type Attempt,
  type AttemptSink,
  type Runner,
  type Running,
  endError,
  endingOf,
  endingWith,
  failed,
  usageIn,
} from '../runners/runner.js';
import type { Boot } from './frames.js';
import { CallContext, type Handler, callHandler } from './handler.js';
import { FunctionPool } from './pool.js';

/** A module's export runs in a worker thread; a plain function in the host's, and blocks it. */
export type HandlerSource = Handler | { readonly module: URL | string; readonly export?: string };
export type Handlers = Readonly<Record<string, HandlerSource>>;

export interface FunctionOptions {
  readonly handlers: Handlers;
  readonly threadsMax: number;
  readonly memoryBytesMax?: number;
  readonly onRetired?: (why: string) => void;
}

export class FunctionRunner implements Runner {
  private readonly inline = new Map<string, Handler>();
  private readonly pool: FunctionPool;
  private readonly hasModules: boolean;

  constructor(options: FunctionOptions) {
    const modules: Record<string, Boot['handlers'][string]> = {};
    for (const [name, source] of Object.entries(options.handlers)) {
      if (typeof source === 'function') this.inline.set(name, source);
      else modules[name] = { module: urlOf(source.module), export: source.export ?? name };
    }
    if (this.inline.size > 0) guardExit();
    this.hasModules = Object.keys(modules).length > 0;
    this.pool = new FunctionPool({ ...options, handlers: modules });
  }

  start(): void {
    if (this.hasModules) this.pool.warm();
  }

  stop(): void {
    this.pool.stop();
  }

  run(attempt: Attempt, sink: AttemptSink): Running {
    const { spec } = attempt;
    if (spec.kind !== 'function') throw new Error(`no function attempt: ${spec.kind}`);
    const handler = this.inline.get(spec.name);
    return handler === undefined
      ? this.runInThread(attempt, spec.name, sink)
      : runInline(attempt, handler, sink);
  }

  private runInThread(attempt: Attempt, handler: string, sink: AttemptSink): Running {
    const { work } = attempt;
    const placed = this.pool.place({
      call: { handler, params: work.params, ...factsOf(attempt) },
      tell: (word) => {
        switch (word.kind) {
          case 'result':
            return sink.ended(endingWith(word.json, 'the result', word));
          case 'error':
            return sink.ended(endingOf('FAILED', { error: word.error, ...usageIn(word) }));
          case 'progress':
            return sink.progress(word.percent, word.message);
          default: {
            const never: never = word;
            return never;
          }
        }
      },
      log: (line, passedOn) => {
        if (sink.log('log', Buffer.from(line), passedOn)) passedOn();
      },
      lost: (_begun, { outcome, class: name, why }) =>
        sink.ended(endingOf(outcome, { error: endError(name, why) })),
    });
    sink.started();
    return { stop: () => placed.abort(), kill: () => placed.kill() };
  }
}

/** What runs within belongs to an attempt, and may end that, not the program round it. */
const inHandler = new AsyncLocalStorage<true>();
let isExitGuarded = false;

function guardExit(): void {
  if (isExitGuarded) return;
  isExitGuarded = true;
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    if (inHandler.getStore() === undefined) return exit(code);
    throw new Error(`the function called process.exit(${code ?? ''})`);
  };
}

/** It cannot be ended from outside: after a kill it is abandoned, and may go on unseen. */
function runInline(attempt: Attempt, handler: Handler, sink: AttemptSink): Running {
  const context = new CallContext(factsOf(attempt), {
    log: (line) => void sink.log('log', Buffer.from(line)),
    progress: (percent, message) => sink.progress(percent, message),
  });
  sink.started();
  const run = async (): Promise<Ending> => {
    const { params } = attempt.work;
    const outcome = await inHandler.run(true, () => callHandler(handler, params, context));
    if (outcome.ok) return endingWith(outcome.json, 'the result');
    return endingOf('FAILED', { error: outcome.error });
  };
  void run().then((ending) => sink.ended(ending)); // `run` has no way to fail
  return {
    stop: () => context.abort(),
    kill: () => {
      context.abort();
      sink.ended(failed('ABANDONED', 'an inline function did not heed its abort signal'));
    },
  };
}

const factsOf = ({ token, work }: Attempt) => ({
  run: token.run,
  attempt: token.attempt,
  job: work.job,
  project: work.project,
});

/** A worker imports URLs; a plain path means a file. */
function urlOf(module: URL | string): string {
  if (typeof module !== 'string') return module.href;
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? module : pathToFileURL(module).href;
}
