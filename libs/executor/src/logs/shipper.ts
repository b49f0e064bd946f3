import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '#actor';
import type { LogChunk } from '#protocol';
import type { Attempt, Stream } from '../runners/runner.js';

const FLUSH_EVERY_MS = 100;
/** A stream that says more within a flush is asked to wait, so no job can starve the heartbeat. */
const STREAM_BYTES_MAX = 256 * 1024;
const BODY_CHARS_MAX = 32 * 1024;
const MESSAGE_BYTES_MAX = 256 * 1024;
/** What nobody could be told yet. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;

interface StreamState {
  readonly attempt: Attempt;
  readonly stream: Stream;
  readonly decoder: StringDecoder;
  parts: string[];
  bytes: number;
  offset: number;
  resume: (() => void)[];
}

interface Waiting {
  readonly partition: number;
  readonly chunk: LogChunk;
  readonly bytes: number;
}

/** false: nobody could be told. */
export type PublishLogs = (partition: number, chunks: readonly LogChunk[]) => boolean;

/**
 * What attempts write, in chunks with offsets. Best effort: without a link the oldest goes first;
 * the offsets show what is missing.
 */
export class LogShipper {
  dropped = 0;
  private readonly streams = new Map<string, Map<Stream, StreamState>>();
  private backlog: Waiting[] = [];
  private backlogBytes = 0;
  private cancelFlush: (() => void) | undefined;

  constructor(
    private readonly publish: PublishLogs,
    private readonly clock: Clock,
  ) {}

  /** false: enough for now; `resume` is called at the next flush. */
  write(attempt: Attempt, stream: Stream, chunk: Buffer, resume?: () => void): boolean {
    const state = this.stateOf(attempt, stream);
    state.parts.push(state.decoder.write(chunk));
    state.bytes += chunk.length;
    this.cancelFlush ??= this.clock.after(FLUSH_EVERY_MS, () => this.flush());
    if (state.bytes < STREAM_BYTES_MAX) return true;
    if (resume !== undefined) state.resume.push(resume);
    return false;
  }

  /** Its last words leave before its result does. */
  end(attempt: Attempt): void {
    const streams = this.streams.get(attempt.key);
    if (streams === undefined) return;
    this.streams.delete(attempt.key);
    for (const state of streams.values()) {
      state.parts.push(state.decoder.end());
      this.cut(state);
    }
    this.send();
  }

  flush(): void {
    this.cancelFlush?.();
    this.cancelFlush = undefined;
    for (const streams of this.streams.values()) {
      for (const state of streams.values()) this.cut(state);
    }
    this.send();
    if (this.backlog.length > 0) {
      this.cancelFlush = this.clock.after(FLUSH_EVERY_MS, () => this.flush());
    }
  }

  stop(): void {
    this.flush();
    this.cancelFlush?.();
    this.cancelFlush = undefined;
  }

  private stateOf(attempt: Attempt, stream: Stream): StreamState {
    let streams = this.streams.get(attempt.key);
    if (streams === undefined) {
      streams = new Map();
      this.streams.set(attempt.key, streams);
    }
    let state = streams.get(stream);
    if (state === undefined) {
      const decoder = new StringDecoder('utf8');
      state = { attempt, stream, decoder, parts: [], bytes: 0, offset: 0, resume: [] };
      streams.set(stream, state);
    }
    return state;
  }

  private cut(state: StreamState): void {
    const { attempt, stream, resume } = state;
    const text = state.parts.join('');
    state.parts = [];
    state.bytes = 0;
    state.resume = [];
    const { token, work, partition } = attempt;
    const day = new Date(attempt.acceptedAt).toISOString().slice(0, 10);
    for (const body of pieces(text)) {
      const bytes = Buffer.byteLength(body);
      const chunk: LogChunk = {
        kind: 'chunk',
        partition,
        run: token.run,
        attempt: token.attempt,
        stream,
        offset: state.offset,
        project: work.project,
        day,
        body,
      };
      state.offset += bytes;
      this.backlog.push({ partition, chunk, bytes });
      this.backlogBytes += bytes;
    }
    for (const run of resume) run();
  }

  private send(): void {
    const batches = new Map<number, { chunks: LogChunk[]; bytes: number }>();
    const left: Waiting[] = [];
    const publish = (partition: number, chunks: readonly LogChunk[]): boolean =>
      chunks.length === 0 || this.publish(partition, chunks);
    for (const waiting of this.backlog) {
      const { partition, chunk, bytes } = waiting;
      const batch = batches.get(partition) ?? { chunks: [], bytes: 0 };
      batches.set(partition, batch);
      batch.chunks.push(chunk);
      batch.bytes += bytes;
      if (batch.bytes < MESSAGE_BYTES_MAX) continue;
      if (!publish(partition, batch.chunks)) left.push(...asWaiting(partition, batch.chunks));
      batches.delete(partition);
    }
    for (const [partition, { chunks }] of batches) {
      if (!publish(partition, chunks)) left.push(...asWaiting(partition, chunks));
    }
    this.keep(left);
  }

  private keep(left: Waiting[]): void {
    let bytes = left.reduce((sum, each) => sum + each.bytes, 0);
    let from = 0;
    for (; bytes > BACKLOG_BYTES_MAX; from++) bytes -= left[from]?.bytes ?? 0;
    this.dropped += from;
    this.backlog = left.slice(from);
    this.backlogBytes = bytes;
  }
}

function asWaiting(partition: number, chunks: readonly LogChunk[]): Waiting[] {
  return chunks.map((chunk) => ({ partition, chunk, bytes: Buffer.byteLength(chunk.body) }));
}

/** Bounded pieces that split no character. */
function pieces(text: string): readonly string[] {
  const found: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + BODY_CHARS_MAX);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last <= 0xdbff) to -= 1;
    found.push(text.slice(from, to));
    from = to;
  }
  return found;
}
