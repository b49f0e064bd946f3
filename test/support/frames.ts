import { Random } from '#sim';
import type { Way } from './link.js';

export type Deed = 'lose' | 'double' | 'delay';
export interface FrameFault {
  readonly deed: Deed;
  readonly way: Way;
  /** Of all words, in [0, 1]. */
  readonly share: number;
  readonly seed: number;
}

interface End {
  readonly send: (bytes: Buffer) => void;
  /** The connection is reset. */
  readonly cut: () => void;
}
interface Word {
  readonly topic: string;
  readonly qos: number;
  readonly frame: Buffer;
}

const PUBLISH = 3;
const DUP = 0x08;
const CONTINUES = 0x80;
const SEVEN_BITS = 0x7f;
const LENGTH_BYTES_MAX = 4;
const DELAY_MS_MAX = 1_000;

/**
 * What MQTT allows to happen to the words on a link, and TCP alone never does: one of QoS 0 is
 * lost, any comes twice (again with DUP, as a sender repeats it), one topic comes later than
 * another. A word of QoS 1 is lost with its connection only: else the fault would be a broker's.
 */
export class Frames {
  /** Words that were lost, doubled or delayed. */
  touched = 0;
  private fault: FrameFault | undefined;
  private random = new Random(0);
  private readonly streams = new Set<Stream>();

  begin(fault: FrameFault): void {
    this.fault = fault;
    this.random = new Random(fault.seed);
  }

  calm(): void {
    this.fault = undefined;
    for (const stream of this.streams) stream.release();
  }

  /** One way of one connection: what comes in at the answer goes out at `end`. */
  join(way: 'up' | 'down', end: End): Stream {
    const stream = new Stream(end, () => this.strike(way));
    this.streams.add(stream);
    return stream;
  }

  leave(stream: Stream): void {
    stream.close();
    this.streams.delete(stream);
  }

  private strike(way: 'up' | 'down'): Struck | undefined {
    const { fault, random } = this;
    if (fault === undefined || (fault.way !== 'both' && fault.way !== way)) return undefined;
    if (!random.chance(fault.share)) return undefined;
    this.touched += 1;
    return { deed: fault.deed, delayMs: random.between(1, DELAY_MS_MAX) };
  }
}

interface Struck {
  readonly deed: Deed;
  readonly delayMs: number;
}

export class Stream {
  private rest: Buffer = Buffer.alloc(0);
  private isOver = false;
  /** By topic: who comes behind one that is late is late too. */
  private readonly late = new Map<string, { readonly timer: NodeJS.Timeout; words: Buffer[] }>();

  constructor(
    private readonly end: End,
    private readonly strike: () => Struck | undefined,
  ) {}

  take(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    for (let size = sizeOf(this.rest); size !== undefined; size = sizeOf(this.rest)) {
      if (this.isOver) return;
      const frame = this.rest.subarray(0, size);
      this.rest = this.rest.subarray(size);
      const word = wordOf(frame);
      if (word === undefined) this.end.send(frame);
      else this.pass(word);
    }
  }

  release(): void {
    for (const topic of this.late.keys()) this.free(topic);
  }

  close(): void {
    this.isOver = true;
    for (const { timer } of this.late.values()) clearTimeout(timer);
    this.late.clear();
  }

  private pass(word: Word): void {
    const { topic, qos, frame } = word;
    const waiting = this.late.get(topic);
    if (waiting !== undefined) {
      waiting.words.push(frame);
      return;
    }
    const struck = this.strike();
    if (struck?.deed === 'lose') {
      if (qos > 0) this.end.cut();
    } else if (struck?.deed === 'delay') {
      const timer = setTimeout(() => this.free(topic), struck.delayMs);
      this.late.set(topic, { timer, words: [frame] });
    } else {
      this.end.send(frame);
      if (struck?.deed === 'double') this.end.send(again(word));
    }
  }

  private free(topic: string): void {
    const { timer, words = [] } = this.late.get(topic) ?? {};
    clearTimeout(timer);
    this.late.delete(topic);
    for (const word of words) this.end.send(word);
  }
}

/** The bytes of the first frame, or undefined as long as it is not all there. */
function sizeOf(bytes: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at <= LENGTH_BYTES_MAX; at++) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & SEVEN_BITS) * 2 ** (7 * (at - 1));
    if ((byte & CONTINUES) !== 0) continue;
    const size = 1 + at + length;
    return bytes.length >= size ? size : undefined;
  }
  throw new Error('this is no MQTT');
}

function wordOf(frame: Buffer): Word | undefined {
  const head = frame[0] ?? 0;
  if (head >> 4 !== PUBLISH) return undefined;
  let at = 1;
  while (((frame[at] ?? 0) & CONTINUES) !== 0) at += 1;
  const from = at + 3;
  const topic = frame.subarray(from, from + frame.readUInt16BE(at + 1)).toString();
  return { topic, qos: (head >> 1) & 3, frame };
}

function again({ frame, qos }: Word): Buffer {
  const copy = Buffer.from(frame);
  if (qos > 0) copy[0] = (copy[0] ?? 0) | DUP;
  return copy;
}
