import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answering = (seen: Seen, response: ServerResponse) => void;

/** A server on this machine alone, and what was asked of it. */
export class TestServer {
  readonly seen: Seen[] = [];
  connections = 0;
  readonly open = new Set<Socket>();

  private constructor(
    private readonly server: http.Server,
    private answering: Answering,
  ) {
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.open.add(socket);
      socket.on('close', () => this.open.delete(socket));
    });
    server.on('request', (request: http.IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
        this.seen.push(seen);
        this.answering(seen, response);
      });
    });
  }

  static async start(answering: Answering = (_seen, response) => response.end('ok')) {
    const server = http.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestServer(server, answering);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** `127.0.0.1:port`. */
  get place(): string {
    return `127.0.0.1:${this.port}`;
  }

  answer(answering: Answering): void {
    this.answering = answering;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

/** A redirect to each of these in turn, then `end`. */
export const redirecting =
  (status: number, ...locations: readonly string[]): Answering =>
  (seen, response) => {
    const location = locations[Number(/\d+$/.exec(seen.path ?? '')?.[0] ?? 0)];
    if (location === undefined) response.end('end');
    else response.writeHead(status, { location }).end('moved');
  };
