import { Worker } from 'node:worker_threads';
import { workerUrl } from '#actor';
import { type Boot, type Call, type FromThread, HELD, TAKEN, type ToThread } from './frames.js';

/** A call as its thread's host knows it. */
export interface Pending {
  readonly call: Omit<Call, 'id'>;
  readonly tell: (word: Exclude<FromThread, { kind: 'retire' }>) => void;
  /** Its thread is gone. `taken`: the handler may have begun. */
  readonly lost: (taken: boolean, why: string) => void;
}

export interface ThreadEvents {
  /** It takes no more calls. */
  readonly retired: (thread: HandlerThread, why: string) => void;
  readonly ended: (thread: HandlerThread) => void;
}

/** One worker thread with the calls that are in it. */
export class HandlerThread {
  readonly calls = new Map<number, Pending>();
  isRetired = false;
  isOnline = false;
  private readonly worker: Worker;
  private readonly state: Int32Array;
  private out: ToThread[] = [];
  private lastId = 0;
  private why = 'its thread ended';

  constructor(
    handlers: Boot['handlers'],
    private readonly events: ThreadEvents,
  ) {
    const shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    this.state = new Int32Array(shared);
    const boot: Boot = { handlers, state: shared };
    this.worker = new Worker(workerUrl(import.meta.url, './worker'), {
      name: 'functions',
      workerData: boot,
      // Handlers are code of the host's own, yet its secrets are not theirs by default.
      env: {},
    });
    this.worker.on('online', () => {
      this.isOnline = true;
    });
    this.worker.on('message', (words: readonly FromThread[]) => this.hear(words));
    this.worker.on('error', (error) => {
      this.why = `its thread failed: ${error instanceof Error ? error.message : String(error)}`;
    });
    this.worker.on('exit', () => this.exited());
  }

  /** A handler holds the thread at this moment: what is posted waits for it. */
  get isHeld(): boolean {
    return Atomics.load(this.state, HELD) === 1;
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

  /** Ends the thread with everything in it. */
  end(why: string): void {
    this.isRetired = true;
    this.why = why;
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
      if (word.kind === 'retire') {
        this.isRetired = true;
        this.events.retired(this, word.why);
        continue;
      }
      const pending = this.calls.get(word.id);
      if (pending === undefined) continue;
      if (word.kind === 'result' || word.kind === 'error') this.calls.delete(word.id);
      pending.tell(word);
    }
    if (this.isRetired && this.calls.size === 0) this.end(this.why);
  }

  private exited(): void {
    this.isRetired = true;
    const taken = Atomics.load(this.state, TAKEN);
    this.events.ended(this);
    for (const [id, pending] of this.calls) pending.lost(id <= taken, this.why);
    this.calls.clear();
  }
}
