import { Worker } from 'node:worker_threads';
import { workerUrl } from '#actor';
import type { Outcome } from '#core';
import {
  BEGUN,
  BUFFERS_KIB,
  type Boot,
  CURRENT,
  type Call,
  type FromThread,
  HELD,
  PASSED_ON,
  PLACES,
  SYSTEM_ID,
  type ToThread,
} from './frames.js';

/** Why a call came to nothing: LOST is nobody's fault, and may be tried again. */
export interface Loss {
  readonly outcome: Extract<Outcome, 'FAILED' | 'LOST'>;
  readonly class: 'THREAD_LOST' | 'OUT_OF_MEMORY';
  readonly why: string;
}

/** A call as its thread's host knows it. */
export interface Pending {
  readonly call: Omit<Call, 'id'>;
  readonly tell: (word: Extract<FromThread, { kind: 'result' | 'error' | 'progress' }>) => void;
  /** `passedOn` is called when there is room for more. */
  readonly log: (line: string, passedOn: () => void) => void;
  /** Its thread is gone. `begun`: the handler may have begun. */
  readonly lost: (begun: boolean, loss: Loss) => void;
}

export interface ThreadEvents {
  /** It takes no more calls. */
  readonly retired: (thread: HandlerThread, why: string) => void;
  readonly ended: (thread: HandlerThread) => void;
}

interface Cause {
  readonly class: Loss['class'];
  readonly why: string;
  /** Whose doing it is; undefined when only the thread itself can tell. */
  readonly by?: number;
}

const MIB = 1_024 * 1_024;

/** One worker thread with the calls that are in it. */
export class HandlerThread {
  readonly calls = new Map<number, Pending>();
  isRetired = false;
  isOnline = false;
  private isEnding = false;
  private readonly worker: Worker;
  private readonly state: Int32Array;
  private out: ToThread[] = [];
  private lastId = 0;
  private cause: Cause = { class: 'THREAD_LOST', why: 'its thread ended' };

  constructor(
    handlers: Boot['handlers'],
    private readonly memoryBytesMax: number,
    private readonly events: ThreadEvents,
  ) {
    const shared = new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT);
    this.state = new Int32Array(shared);
    const boot: Boot = { handlers, state: shared };
    this.worker = new Worker(workerUrl(import.meta.url, './worker'), {
      name: 'functions',
      workerData: boot,
      // Handlers are code of the host's own, yet its secrets are not theirs by default.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytesMax / MIB) },
    });
    this.worker.on('online', () => {
      this.isOnline = true;
    });
    this.worker.on('message', (words: readonly FromThread[]) => this.hear(words));
    this.worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') this.cause = this.outOfMemory('heap');
      else this.cause = { class: 'THREAD_LOST', why: `its thread failed: ${wordsOf(error)}` };
    });
    this.worker.on('exit', () => this.exited());
  }

  /** A handler holds the thread at this moment: what is posted waits for it. */
  get isHeld(): boolean {
    return Atomics.load(this.state, HELD) === 1;
  }

  /** The call whose handler runs without a pause; 0: none. */
  get current(): number {
    return Atomics.load(this.state, CURRENT);
  }

  /** Beside its heap, when it could last look. */
  get bufferBytes(): number {
    return Atomics.load(this.state, BUFFERS_KIB) * 1_024;
  }

  get systemId(): number {
    return Atomics.load(this.state, SYSTEM_ID);
  }

  post(pending: Pending): number {
    this.lastId += 1;
    const id = this.lastId;
    this.calls.set(id, pending);
    this.push({ kind: 'call', call: { ...pending.call, id } });
    return id;
  }

  abort(id: number): void {
    if (this.calls.has(id)) this.push({ kind: 'abort', id });
  }

  /** Ends the thread with everything in it; `by`: the call whose doing it is, 0 for nobody's. */
  end(why: string, by: number): void {
    this.terminate({ class: 'THREAD_LOST', why, by });
  }

  endOutOfMemory(): void {
    if (this.isEnding) return;
    this.events.retired(this, 'out of memory');
    this.terminate(this.outOfMemory('buffers'));
  }

  private outOfMemory(what: string): Cause {
    const why = `its thread held more than ${Math.floor(this.memoryBytesMax / MIB)} MiB of ${what}`;
    return { class: 'OUT_OF_MEMORY', why };
  }

  /** The first word counts: its end takes a moment. */
  private terminate(cause: Cause): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.isRetired = true;
    this.cause = cause;
    void this.worker.terminate(); // 'exit' tells
  }

  private push(message: ToThread): void {
    if (this.out.push(message) > 1) return;
    setImmediate(() => {
      const { out } = this;
      this.out = [];
      this.worker.postMessage(out);
    });
  }

  private hear(words: readonly FromThread[]): void {
    for (const word of words) {
      if (word.kind === 'retire' || word.kind === 'spoiled') {
        this.isRetired = true;
        this.events.retired(this, word.why);
        if (word.kind === 'spoiled') this.loseAllBut(word.by, word.why);
        continue;
      }
      const pending = this.calls.get(word.id);
      if (word.kind === 'log') {
        const passedOn = (): void => this.passOn(word.bytes);
        if (pending === undefined) passedOn();
        else pending.log(word.line, passedOn);
        continue;
      }
      if (pending === undefined) continue;
      if (word.kind !== 'progress') this.calls.delete(word.id);
      pending.tell(word);
    }
    if (this.isRetired && this.calls.size === 0) this.terminate(this.cause);
  }

  private passOn(bytes: number): void {
    Atomics.add(this.state, PASSED_ON, bytes);
    Atomics.notify(this.state, PASSED_ON);
  }

  private exited(): void {
    this.isRetired = true;
    this.events.ended(this);
    this.lose(0, this.cause);
  }

  private loseAllBut(by: number, why: string): void {
    this.lose(by, { class: 'THREAD_LOST', why, by });
  }

  /** Who alone was in it, or ran when it ended, has to answer for it; the others have not. */
  private lose(kept: number, { class: name, why, by }: Cause): void {
    const begunTo = Atomics.load(this.state, BEGUN);
    const begun = [...this.calls.keys()].filter((id) => id <= begunTo);
    const culprit = by ?? (this.current || (begun.length === 1 ? begun[0] : 0));
    for (const [id, pending] of this.calls) {
      if (id === kept) continue;
      this.calls.delete(id);
      const outcome = id === culprit ? 'FAILED' : 'LOST';
      pending.lost(id <= begunTo, { outcome, class: name, why });
    }
  }
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
