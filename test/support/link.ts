import net from 'node:net';
import type { Frames } from './frames.js';

/** Seen from who has connected: what it sends goes up. */
export type Way = 'up' | 'down' | 'both';

/** Where a connection is cut that carries a request. */
export type Cut =
  /** Before anything of it reaches the server. */
  | 'before-send'
  /** The server gets all of it; the answer never comes back. */
  | 'before-answer'
  /** The server gets all of it and answers; the answer is cut after its first byte. */
  | 'in-answer';

/** What happens to the next bytes that go up and hold `marker`. */
interface Order {
  readonly marker: string | Buffer;
  readonly how: Cut | 'stall';
  readonly done: () => void;
}
interface Pair {
  readonly client: net.Socket;
  readonly upstream: net.Socket;
  /** It carries the request whose answer is to be cut. */
  cutting: Order | undefined;
}

/** An id as a statement's array carries it: its sixteen bytes. */
export const onWire = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

/** A way to a server that can be cut, closed, and on which nothing may come through for a while. */
export class Link {
  private readonly pairs = new Set<Pair>();
  private stalled: Way | undefined;
  private isClosed = false;
  private tap: ((bytes: Buffer) => void) | undefined;
  private order: Order | undefined;
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
    return this.port;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Every connection ends without a word. */
  cut(): void {
    for (const pair of this.pairs) this.end(pair);
  }

  /** Cuts the connection of the next request that holds `marker`, once. Resolves when it has. */
  cutNext(marker: string | Buffer, how: Cut): Promise<void> {
    return new Promise((done) => {
      this.order = { marker, how, done };
    });
  }

  /**
   * Cut, and who connects is reset at once, until `open`. The port is kept: one that were let go
   * could be another's by then.
   */
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
    this.order = { marker, how: 'stall', done };
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
    const pair: Pair = { client, upstream, cutting: undefined };
    this.pairs.add(pair);
    const end = (): void => this.end(pair);
    for (const socket of [client, upstream])
      socket.setNoDelay(true).on('error', end).on('close', end);
    this.carry(pair, 'up');
    this.carry(pair, 'down');
    this.hold(pair);
  }

  private end(pair: Pair): void {
    this.pairs.delete(pair);
    pair.client.destroy();
    pair.upstream.destroy();
  }

  private carry(pair: Pair, way: 'up' | 'down'): void {
    const { client, upstream } = pair;
    const [from, to] = way === 'up' ? [client, upstream] : [upstream, client];
    const send = (bytes: Buffer): void => {
      if (!to.destroyed && !to.write(bytes)) from.pause();
    };
    const { frames } = this;
    const stream = frames?.join(way, { send, cut: () => this.end(pair) });
    if (stream !== undefined) from.once('close', () => frames?.leave(stream));
    const take = (bytes: Buffer): void => {
      if (way === 'up') this.tap?.(bytes);
      if (stream === undefined) send(bytes);
      else stream.take(bytes);
    };
    from.on('data', (bytes) => {
      const { order } = this;
      if (way === 'up' && order !== undefined && bytes.includes(order.marker)) {
        this.meet(pair, order, () => take(bytes));
      } else if (way === 'down' && pair.cutting !== undefined) {
        this.cutAnswer(pair, pair.cutting, bytes);
      } else {
        take(bytes);
      }
    });
    to.on('drain', () => {
      if (!this.isStalled(way)) from.resume();
    });
  }

  private meet(pair: Pair, order: Order, take: () => void): void {
    this.order = undefined;
    if (order.how === 'stall') {
      this.stall('up');
      this.held.push(take);
      order.done();
    } else if (order.how === 'before-send') {
      this.end(pair);
      order.done();
    } else {
      pair.cutting = order;
      take();
    }
  }

  private cutAnswer(pair: Pair, { how, done }: Order, bytes: Buffer): void {
    const cut = (): void => {
      this.end(pair);
      done();
    };
    if (how === 'in-answer') pair.client.write(bytes.subarray(0, 1), cut);
    else cut();
  }

  private hold({ client, upstream }: Pair): void {
    if (this.isStalled('up')) client.pause();
    if (this.isStalled('down')) upstream.pause();
  }

  private isStalled(way: Way): boolean {
    return this.stalled === way || this.stalled === 'both';
  }
}
