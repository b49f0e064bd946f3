import net from 'node:net';

/** What happens to the next bytes that match: nothing, or the connection is cut around them. */
export type Cut =
  /** Before anything of it reaches the server. */
  | 'before-send'
  /** The server gets all of it; the answer never comes back. */
  | 'before-answer'
  /** The server gets all of it and answers; the answer is cut after its first byte. */
  | 'in-answer';

export interface CuttingProxy {
  readonly port: number;
  /** Cuts the next request that holds `marker`, once. Resolves when it has. */
  cutNext(marker: string | Buffer, how: Cut): Promise<void>;
  /**
   * What is connected is cut, and what connects is reset at once, until `open`. The port is kept:
   * one that were let go could be another's by the time of `open`.
   */
  close(): void;
  open(): void;
  stop(): Promise<void>;
}

interface Order {
  readonly marker: string | Buffer;
  readonly how: Cut;
  readonly done: () => void;
}

/** An id as a statement's array carries it: its sixteen bytes. */
export const onWire = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

/** A TCP proxy on this machine that cuts connections at chosen bytes. */
export async function startProxy(target: { host: string; port: number }): Promise<CuttingProxy> {
  const sockets = new Set<net.Socket>();
  let order: Order | undefined;
  let closed = false;
  const server = net.createServer((client) => {
    if (closed) {
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect(target.port, target.host);
    let cutting: Order | undefined;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    const cut = (by: Order): void => {
      end();
      by.done();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (bytes) => {
      if (order !== undefined && bytes.includes(order.marker)) {
        cutting = order;
        order = undefined;
        if (cutting.how === 'before-send') {
          cut(cutting);
          return;
        }
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (cutting === undefined) {
        client.write(bytes);
        return;
      }
      const by = cutting;
      if (by.how === 'in-answer') client.write(bytes.subarray(0, 1), () => cut(by));
      else cut(by);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const close = (): void => {
    closed = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    cutNext: (marker, how) =>
      new Promise((done) => {
        order = { marker, how, done };
      }),
    close,
    open: () => {
      closed = false;
    },
    stop: async () => {
      close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
