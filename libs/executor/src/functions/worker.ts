import { AsyncLocalStorage } from 'node:async_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { endError } from '../runners/runner.js';
import { type Boot, type Call, type FromThread, HELD, TAKEN, type ToThread } from './frames.js';
import { CallContext, type Handler, callHandler, errorFrom } from './handler.js';

/**
 * A thread that runs handlers: many calls at a time, words back in one message a turn. A handler
 * that calls process.exit ends its own call; the thread is retired, and the others in it finish.
 */
const port = parentPort;
if (port === null) throw new Error('this file runs in a worker thread');
const boot = workerData as Boot;
const state = new Int32Array(boot.state);
const calls = new Map<number, CallContext>();
const loaded = new Map<string, Promise<Handler>>();
const current = new AsyncLocalStorage<number>();
let words: FromThread[] = [];

class ExitSignal extends Error {
  override readonly name = 'ExitSignal';
}

function say(word: FromThread): void {
  if (words.push(word) === 1) setImmediate(flush);
}

function flush(): void {
  if (words.length > 0) port?.postMessage(words);
  words = [];
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
  const module = (await import(from.module)) as Readonly<Record<string, unknown>>;
  const handler = module[from.export];
  if (typeof handler === 'function') return handler as Handler;
  throw new TypeError(`${from.module} has no function with the name ${from.export}`);
}

async function take(call: Call): Promise<void> {
  const { id } = call;
  const context = new CallContext(call, {
    log: (line) => say({ kind: 'log', id, line }),
    progress: (percent, message) => say({ kind: 'progress', id, percent, message }),
  });
  calls.set(id, context);
  try {
    const handler = await load(call.handler);
    // Who listens for an abort that is past hears nothing.
    if (context.isAborted) throw new Error('it was told to stop before it began');
    const outcome = await current.run(id, () => callHandler(handler, call.params, context));
    if (!calls.delete(id)) return; // it has ended itself meanwhile
    if (outcome.ok) say({ kind: 'result', id, json: outcome.json });
    else say({ kind: 'error', id, error: outcome.error });
  } catch (error) {
    if (calls.delete(id)) say({ kind: 'error', id, error: errorFrom(error) });
  }
}

function retire(error: ReturnType<typeof endError>, why: string): void {
  const id = current.getStore();
  if (id !== undefined && calls.delete(id)) say({ kind: 'error', id, error });
  say({ kind: 'retire', why });
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

port.on('message', (messages: readonly ToThread[]) => {
  Atomics.store(state, HELD, 1);
  for (const message of messages) {
    if (message.kind === 'abort') calls.get(message.id)?.abort();
    else {
      Atomics.store(state, TAKEN, message.call.id);
      void take(message.call); // its outcome is said, never thrown
    }
  }
  setImmediate(() => Atomics.store(state, HELD, 0));
});
