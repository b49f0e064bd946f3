import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Pace } from '../../live/pace.js';

export const OUTLET = {
  /** So much may be on its way to a reader, unread: 2.5 MB a second at 100 ms there and back. */
  unreadBytesMax: 256 * 1_024,
  /** So often it is asked how far it has read. */
  askBytes: 64 * 1_024,
  /** What is longer is not copied behind its head. */
  copyBytesMax: 16 * 1_024,
} as const;

const TEXT_FRAME = 0x81;

/**
 * What leaves by one socket. A kernel takes megabytes for a reader that never reads; what the
 * reader has read is known by its pongs only, which say up to which byte. Until then nothing more
 * is made for it than the bound.
 */
export class Outlet implements Pace {
  private sent = 0;
  private read = 0;
  private asked = 0;
  private closedAt: number | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly socket: WebSocket,
    /** The connection below it: what is equal for many is framed here, and not by each socket. */
    private readonly wire: Duplex,
  ) {}

  get isOpen(): boolean {
    return this.closedAt === undefined;
  }

  get closedMs(): number {
    return this.closedAt === undefined ? 0 : performance.now() - this.closedAt;
  }

  /** It has so much to read that a ping may well stand behind it. */
  get isBehind(): boolean {
    return this.sent - this.read >= OUTLET.askBytes;
  }

  whenOpen(tell: () => void): () => void {
    this.waiting.add(tell);
    return () => this.waiting.delete(tell);
  }

  /** Resolves when the bytes are out. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.readyState !== this.socket.OPEN) return resolve();
      this.socket.send(text, () => resolve());
      this.count(Buffer.byteLength(text));
    });
  }

  /** A text message of two parts: what this socket says alone, and what many are sent. */
  write(head: Buffer, body: Buffer): void {
    const { socket, wire } = this;
    if (socket.readyState !== socket.OPEN) return;
    const length = head.length + body.length;
    const isCopied = length <= OUTLET.copyBytesMax;
    const prefix = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const frame = Buffer.allocUnsafe(prefix + (isCopied ? length : head.length));
    frame[0] = TEXT_FRAME;
    if (prefix === 2) frame[1] = length;
    else if (prefix === 4) {
      frame[1] = 126;
      frame.writeUInt16BE(length, 2);
    } else {
      frame[1] = 127;
      frame.writeBigUInt64BE(BigInt(length), 2);
    }
    head.copy(frame, prefix);
    if (isCopied) {
      body.copy(frame, prefix + head.length);
      wire.write(frame);
    } else {
      wire.cork();
      wire.write(frame);
      wire.write(body);
      wire.uncork();
    }
    this.count(prefix + length);
  }

  /** Asks how far its reader has read. */
  ask(): void {
    this.asked = this.sent;
    this.socket.ping(String(this.sent));
  }

  /** The answer. Who lies has read what the kernel has taken, and no more: the rest is with us. */
  heard(pong: string): void {
    const read = Math.min(Number(pong), this.sent - this.wire.writableLength);
    if (!(read > this.read)) return;
    this.read = read;
    if (this.closedAt === undefined || this.isFull) return;
    this.closedAt = undefined;
    const told = [...this.waiting];
    this.waiting.clear();
    for (const tell of told) tell();
  }

  private get isFull(): boolean {
    return this.sent - this.read >= OUTLET.unreadBytesMax;
  }

  private count(bytes: number): void {
    this.sent += bytes;
    if (this.isFull) this.closedAt ??= performance.now();
    if (this.sent - this.asked >= OUTLET.askBytes) this.ask();
  }
}
