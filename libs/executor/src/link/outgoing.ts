import type { Clock } from '#actor';
import { type Token, ledgerKey } from '#core';
import { type Up, WIRE_VERSION, upCodec } from '#protocol';

const ITEMS_MAX = 100;
const BATCH_BYTES_MAX = 256 * 1024;
/**
 * A start waits this long for its result: one that comes says both, and the start needs no words.
 * The only window on this way; what takes longer than that does not notice it.
 */
const STARTED_HOLD_MS = 5;
const PROGRESS_EVERY_MS = 500;

export interface OutgoingOptions {
  readonly executor: string;
  readonly clock: Clock;
  readonly session: () => string | null;
  readonly route: (partition: number, tries: number) => string | undefined;
  /** false: dropped; whatever matters is said again. */
  readonly publish: (thread: string, payload: string) => boolean;
}

interface Batch {
  readonly items: string[];
  bytes: number;
}

interface Held {
  readonly item: Up;
  readonly tries: number;
}

/** Items up, batched a thread and a turn; a batch that is full leaves at once. */
export class Outgoing {
  private readonly batches = new Map<string, Batch>();
  private readonly held = new Map<string, Held>();
  private readonly progress = new Map<string, Up>();
  private isFlushing = false;
  private cancelHold: (() => void) | undefined;
  private cancelProgress: (() => void) | undefined;

  constructor(private readonly options: OutgoingOptions) {}

  send(item: Up, tries: number): void {
    if (item.kind === 'result') {
      this.held.delete(ledgerKey(item.token));
      this.progress.delete(ledgerKey(item.token));
    }
    if (item.kind !== 'started' || tries > 0) return this.push(item, tries);
    this.held.set(ledgerKey(item.token), { item, tries });
    this.cancelHold ??= this.options.clock.after(STARTED_HOLD_MS, () => this.release());
  }

  /** The latest of each attempt, twice a second. */
  report(partition: number, token: Token, percent: number | null, message: string): void {
    this.progress.set(ledgerKey(token), { kind: 'progress', partition, token, percent, message });
    this.cancelProgress ??= this.options.clock.after(PROGRESS_EVERY_MS, () => {
      this.cancelProgress = undefined;
      for (const item of this.progress.values()) this.push(item, 0);
      this.progress.clear();
    });
  }

  flush(): void {
    for (const [thread, batch] of this.batches) this.publish(thread, batch);
    this.batches.clear();
  }

  stop(): void {
    this.cancelHold?.();
    this.cancelProgress?.();
    this.release();
    this.flush();
  }

  private release(): void {
    this.cancelHold = undefined;
    for (const { item, tries } of this.held.values()) this.push(item, tries);
    this.held.clear();
  }

  private push(item: Up, tries: number): void {
    const thread = this.options.route(item.partition, tries);
    if (thread === undefined) return; // nobody is known yet: it is said again
    const text = JSON.stringify(upCodec.encode(item));
    let batch = this.batches.get(thread);
    const isFull = batch !== undefined && batch.bytes + text.length > BATCH_BYTES_MAX;
    if (batch !== undefined && isFull) {
      this.publish(thread, batch);
      this.batches.delete(thread);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = { items: [], bytes: 0 };
      this.batches.set(thread, batch);
    }
    batch.items.push(text);
    batch.bytes += text.length;
    if (batch.items.length >= ITEMS_MAX) {
      this.publish(thread, batch);
      this.batches.delete(thread);
    }
    this.flushLater();
  }

  private flushLater(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    setImmediate(() => {
      this.isFlushing = false;
      this.flush();
    });
  }

  private publish(thread: string, { items }: Batch): void {
    const session = this.options.session();
    if (session === null || items.length === 0) return;
    const head = JSON.stringify([WIRE_VERSION, this.options.executor, session]).slice(0, -1);
    this.options.publish(thread, `${head},[${items.join(',')}]]`);
  }
}
