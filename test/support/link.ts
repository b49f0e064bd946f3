import net from 'node:net';
import type { Frames } from './frames.js';

/** Seen from who has connected: what it sends goes up. */
export type Way = 'up' | 'down' | 'both';

interface Pair {
  readonly client: net.Socket;
  readonly upstream: net.Socket;
}

/** A way to a server that can be cut, closed, and on which nothing may come through for a while. */
export class Link {
  private readonly pairs = new Set<Pair>();
  private stalled: Way | undefined;
  private isClosed = false;
  private tap: ((bytes: Buffer) => void) | undefined;
  private order: { readonly marker: string; readonly done: () => void } | undefined;
  /** What had been read when its way was stalled at it. */
  private readonly held: (() => void)[] = [];
  private readonly server: net.Server;

  /** `target` is asked at each connection: a server that was restarted listens elsewhere. */
  constructor(
    private readonly target: () => number,
    private readonly frames?: Frames,
  ) {
    this.server = net.createServer((client) => this.join(client));
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Every connection ends without a word. */
  cut(): void {
    for (const { client, upstream } of this.pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  /** Cut, and who connects is reset at once, until `open`. */
  close(): void {
    this.isClosed = true;
    this.cut();
  }

  open(): void {
    this.isClosed = false;
  }

  /** What is sent stays where it is, until `flow`: it comes late, and in order. */
  stall(way: Way = 'down'): void {
    this.stalled = way;
    for (const pair of this.pairs) this.hold(pair);
  }

  /** Stalls at the next bytes that go up and hold `marker`: they are the first that wait. */
  stallUpAt(marker: string, done: () => void): void {
    this.order = { marker, done };
  }

  flow(): void {
    this.stalled = undefined;
    this.order = undefined;
    for (const go of this.held.splice(0)) go();
    for (const { client, upstream } of this.pairs) {
      client.resume();
      upstream.resume();
    }
  }

  /** Told of everything that goes up from now on. */
  hearUp(tap: (bytes: Buffer) => void): void {
    this.tap = tap;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: net.Socket): void {
    if (this.isClosed) {
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect(this.target(), '127.0.0.1');
    const pair = { client, upstream };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream])
      socket.setNoDelay(true).on('error', end).on('close', end);
    this.carry(client, upstream, 'up', end);
    this.carry(upstream, client, 'down', end);
    this.hold(pair);
  }

  private carry(from: net.Socket, to: net.Socket, way: 'up' | 'down', cut: () => void): void {
    const send = (bytes: Buffer): void => {
      if (!to.destroyed && !to.write(bytes)) from.pause();
    };
    const { frames } = this;
    const stream = frames?.join(way, { send, cut });
    if (stream !== undefined) from.once('close', () => frames?.leave(stream));
    const take = (bytes: Buffer): void => {
      if (way === 'up') this.tap?.(bytes);
      if (stream === undefined) send(bytes);
      else stream.take(bytes);
    };
    from.on('data', (bytes) => {
      if (way === 'up' && this.order !== undefined && bytes.includes(this.order.marker)) {
        this.stall('up');
        this.held.push(() => take(bytes));
        this.order.done();
        this.order = undefined;
      } else {
        take(bytes);
      }
    });
    to.on('drain', () => {
      if (!this.isStalled(way)) from.resume();
    });
  }

  private hold({ client, upstream }: Pair): void {
    if (this.isStalled('up')) client.pause();
    if (this.isStalled('down')) upstream.pause();
  }

  private isStalled(way: Way): boolean {
    return this.stalled === way || this.stalled === 'both';
  }
}
