import { AsyncLocalStorage } from 'node:async_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { endError } from '../runners/runner.js';
import type { Usage } from '../runners/usage.js';
import { BEGUN, type Boot, type Call, HELD, type ToThread } from './frames.js';
import { CallContext, type Handler, callHandler, errorFrom } from './handler.js';
import { Intrinsics } from './intrinsics.js';
import { type CallMeter, ThreadMeter } from './meter.js';
import { Words } from './words.js';

/**
 * A thread that runs handlers: many calls at a time, words back in one message a turn. A handler
 * that calls process.exit ends its own call; the thread is retired, and the others in it finish.
 * One that changes the language spoils the thread for all others: they are lost, and said so.
 */
const port = parentPort;
if (port === null) throw new Error('this file runs in a worker thread');
const boot = workerData as Boot;
const state = new Int32Array(boot.state);
const calls = new Map<number, CallContext>();
const begun = new Set<number>();
const loaded = new Map<string, Promise<Handler>>();
const current = new AsyncLocalStorage<number>();
const meter = new ThreadMeter(state);
const intrinsics = new Intrinsics();
const words = new Words(port, state);
/** In this turn: between the calls of one message nobody else has had his. */
let isLookedAt = false;
const UNKNOWN: Usage = { cpuMs: null, memoryPeakBytes: null };

class ExitSignal extends Error {
  override readonly name = 'ExitSignal';
}

function load(name: string): Promise<Handler> {
  let handler = loaded.get(name);
  if (handler === undefined) {
    handler = loadFrom(name);
    loaded.set(name, handler);
  }
  return handler;
}

async function loadFrom(name: string): Promise<Handler> {
  const from = boot.handlers[name];
  if (from === undefined) throw new Error(`no handler with the name ${name}`);
  const wasIntact = intrinsics.changed() === undefined;
  const module = (await import(from.module)) as Readonly<Record<string, unknown>>;
  if (wasIntact) intrinsics.accept();
  const handler = module[from.export];
  if (typeof handler === 'function') return handler as Handler;
  throw new TypeError(`${from.module} has no function with the name ${from.export}`);
}

async function take(call: Call): Promise<void> {
  const { id } = call;
  const context = new CallContext(call, {
    log: (line) => words.log(id, line),
    progress: (percent, message) => words.progress(id, percent, message),
  });
  calls.set(id, context);
  try {
    const handler = await load(call.handler);
    // Who listens for an abort that is past hears nothing.
    if (context.isAborted) throw new Error('it was told to stop before it began');
    // What has not begun may begin in another thread.
    if (!isLookedAt && isSpoiledFor(id, suspect())) return;
    if (isGone(id)) return;
    isLookedAt = true;
    Atomics.store(state, BEGUN, id);
    begun.add(id);
    let metered: CallMeter | undefined;
    const called: Handler = (params, given) => {
      metered = meter.begin(id);
      return returned(metered, () => handler(params, given));
    };
    const outcome = await current.run(id, () => callHandler(called, call.params, context));
    const { cpuMs, memoryPeakBytes } = metered === undefined ? UNKNOWN : meter.end(metered);
    begun.delete(id);
    // Who has returned at once was looked at then.
    if (metered?.isPending === true) isSpoiledFor(id, begun.size === 0 ? id : 0);
    if (isGone(id)) return;
    if (!calls.delete(id)) return; // it has ended itself meanwhile
    if (outcome.ok) words.say({ kind: 'result', id, json: outcome.json, cpuMs, memoryPeakBytes });
    else words.say({ kind: 'error', id, error: outcome.error, cpuMs, memoryPeakBytes });
  } catch (error) {
    if (calls.delete(id)) words.say({ kind: 'error', id, error: errorFrom(error), ...UNKNOWN });
  }
}

/** The handler itself; what it has changed by the time it returns nobody else has changed. */
function returned(call: CallMeter, handler: () => unknown): unknown {
  let isPending = false;
  try {
    const value = handler();
    isPending = typeof (value as { readonly then?: unknown } | null)?.then === 'function';
    return value;
  } finally {
    meter.returned(call, isPending);
    isSpoiledFor(call.id, call.id);
  }
}

/** Of one that is alone in the thread everything is its own doing. */
function suspect(): number {
  const [only = 0] = begun;
  return begun.size === 1 ? only : 0;
}

/** `by`: whose doing it is, if it is seen now; 0 when that cannot be told. */
function isSpoiledFor(id: number, by: number): boolean {
  if (words.onlyOf === null) {
    const changed = intrinsics.changed();
    if (changed === undefined) return false;
    words.spoil(by, `a function changed ${changed} of the language`);
  }
  return isGone(id);
}

/** Nobody listens to it any more. */
const isGone = (id: number): boolean => words.onlyOf !== null && words.onlyOf !== id;

function retire(error: ReturnType<typeof endError>, why: string): void {
  const id = current.getStore();
  if (id !== undefined && calls.delete(id)) {
    begun.delete(id);
    words.say({ kind: 'error', id, error, ...UNKNOWN });
  }
  words.say({ kind: 'retire', why });
}

process.exit = (code): never => {
  retire(endError('EXITED', `the handler called process.exit(${code ?? ''})`), 'process.exit');
  throw new ExitSignal('process.exit'); // it never returns, and this unwinds the handler
};

function onStray(error: unknown): void {
  if (error instanceof ExitSignal) return;
  if (current.getStore() === undefined) throw error; // nobody's: the thread is not trusted further
  retire(errorFrom(error), 'an error that nobody caught');
}

process.on('uncaughtException', onStray);
process.on('unhandledRejection', onStray);

const release = (): void => {
  Atomics.store(state, HELD, 0);
  isLookedAt = false;
};
port.on('message', (messages: readonly ToThread[]) => {
  Atomics.store(state, HELD, 1);
  isLookedAt = false;
  for (const message of messages) {
    if (message.kind === 'abort') calls.get(message.id)?.abort();
    else void take(message.call); // its outcome is said, never thrown
  }
  words.later(release);
});
