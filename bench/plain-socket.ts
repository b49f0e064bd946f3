import { randomBytes } from 'node:crypto';
import net from 'node:net';

const SUBPROTOCOL = 'graphql-transport-ws';
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;
/** Everybody reads into the same memory: what is not whole yet is copied out of it. */
const INTO = Buffer.allocUnsafe(256 * 1_024);
const NOTHING = Buffer.alloc(0);
/** 127 says that eight bytes follow, of which these are enough. */
const LENGTH_BYTES = 6;

export interface Heard {
  opened(): void;
  text(text: string): void;
  closed(code: number): void;
}

/**
 * As little of a WebSocket client as there can be. Thousands of readers share two cores with what
 * is measured: half of what each message cost a full client was the client.
 */
export class PlainSocket {
  private readonly socket: net.Socket;
  private rest = NOTHING;
  private isOpen = false;
  private isPaused = false;
  private code = 1006;

  constructor(
    url: URL,
    private readonly heard: Heard,
  ) {
    const take = (bytes: number): boolean => {
      const came = INTO.subarray(0, bytes);
      this.take(this.rest.length === 0 ? came : Buffer.concat([this.rest, came]));
      return !this.isPaused;
    };
    this.socket = net.connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: { buffer: INTO, callback: take },
    });
    this.socket.on('error', () => undefined); // a close follows
    this.socket.on('close', () => heard.closed(this.code));
    const words = [
      `GET ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
    ];
    this.socket.write(`${words.join('\r\n')}\r\n\r\n`);
  }

  send(text: string): void {
    this.frame(OPCODE.text, Buffer.from(text));
  }

  /** Nothing is heard, or answered, until it goes on. */
  pause(): void {
    this.isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.take(this.rest);
    if (!this.isPaused) this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  private take(bytes: Buffer): void {
    let at = 0;
    if (!this.isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return this.keep(bytes, 0);
      if (!bytes.toString('latin1', 0, 12).endsWith(' 101')) return this.close();
      at = end + 4;
      this.isOpen = true;
      this.heard.opened();
    }
    while (!this.isPaused && at + 2 <= bytes.length) {
      const size = (bytes[at + 1] ?? 0) & 127;
      const start = at + (size === 127 ? 10 : size === 126 ? 4 : 2);
      if (start > bytes.length) break;
      const length =
        size === 127
          ? bytes.readUIntBE(start - LENGTH_BYTES, LENGTH_BYTES)
          : size === 126
            ? bytes.readUInt16BE(at + 2)
            : size;
      if (start + length > bytes.length) break;
      const opcode = (bytes[at] ?? 0) & 15;
      at = start + length;
      this.message(opcode, bytes, start, at);
    }
    this.keep(bytes, at);
  }

  private keep(bytes: Buffer, from: number): void {
    this.rest = from === bytes.length ? NOTHING : Buffer.from(bytes.subarray(from));
  }

  private message(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === OPCODE.text) this.heard.text(bytes.toString('utf8', start, end));
    else if (opcode === OPCODE.ping) this.frame(OPCODE.pong, bytes.subarray(start, end));
    else if (opcode === OPCODE.close) {
      if (end - start >= 2) this.code = bytes.readUInt16BE(start);
      this.socket.destroy();
    }
  }

  /** Masked with nothing, which a server cannot tell from another mask. */
  private frame(opcode: number, body: Buffer): void {
    const { length } = body;
    const head = Buffer.alloc(length < 126 ? 6 : 8);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | Math.min(length, 126);
    if (length >= 126) head.writeUInt16BE(length, 2);
    this.socket.write(Buffer.concat([head, body]));
  }
}
