import net from 'node:net';

/** A way to a server that can be cut, and through which nothing may come back for a while. */
export class Link {
  private readonly pairs = new Set<readonly [client: net.Socket, upstream: net.Socket]>();
  private isStalled = false;
  private readonly server: net.Server;

  /** `target` is asked at each connection: a server that was restarted listens elsewhere. */
  constructor(private readonly target: () => number) {
    this.server = net.createServer((client) => this.join(client));
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Every connection ends without a word. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  /** What the server sends stays with it, until `flow`. */
  stall(): void {
    this.isStalled = true;
    for (const [, upstream] of this.pairs) upstream.pause();
  }

  flow(): void {
    this.isStalled = false;
    for (const [, upstream] of this.pairs) upstream.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: net.Socket): void {
    const upstream = net.connect(this.target(), '127.0.0.1');
    const pair = [client, upstream] as const;
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (!client.write(bytes)) upstream.pause();
    });
    client.on('drain', () => {
      if (!this.isStalled) upstream.resume();
    });
    if (this.isStalled) upstream.pause();
  }
}
