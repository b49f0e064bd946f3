import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql';
import { CloseCode, type Server as ProtocolServer, handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { markBigIntegers, reviveBigInteger, unmarkBigIntegers } from '#protocol';
import type { Viewer } from '../../auth/viewer.js';
import type { Logger } from '#telemetry';
import { isDatabaseTrouble, problem } from './errors.js';
import { type Authenticate, isForeignOrigin, readRequest, whoIs } from './http.js';
import type { Operations } from './operations.js';
import { Outlet } from './outlet.js';
import { type Listener, ResultBodies, headOf } from './told.js';

const MESSAGE_BYTES_MAX = 4 * 1_048_576;
const SOCKETS_MAX = 20_000;
const OPERATIONS_MAX = 100;
const INIT_WAIT_MS = 5_000;
const PING_MS = 12_000;
/** A minute: a slow reader is told by an error, which stands behind the rest as well. */
const SLOW_PINGS = 5;
const LOOK_MS = 1_000;
const CLOSE_WITHIN_MS = 500;

interface Extra {
  readonly socket: WebSocket;
  readonly outlet: Outlet;
  viewer: Viewer | undefined;
  authorization: string | undefined;
  /** Pings in a row that it has not answered. */
  missed: number;
}

/** graphql-ws hands on what it is given. */
interface ToldArgs extends ExecutionArgs {
  readonly listener: Listener;
}

export interface SocketsOptions {
  readonly server: Server;
  readonly path: string;
  readonly operations: Operations;
  readonly authenticate: Authenticate;
  readonly log: Logger;
}

/** graphql-transport-ws beside the HTTP route: the same documents, limits and errors. */
export class Sockets {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  private readonly open = new Map<WebSocket, Extra>();
  private readonly protocol: ProtocolServer<Extra>;
  private readonly timers: readonly NodeJS.Timeout[];
  private readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

  constructor(private readonly options: SocketsOptions) {
    this.protocol = this.makeProtocol();
    this.onUpgrade = (request, socket, head) => this.upgrade(request, socket, head);
    options.server.on('upgrade', this.onUpgrade);
    this.timers = [
      setInterval(() => this.ping(), PING_MS).unref(),
      setInterval(() => void this.look(), LOOK_MS).unref(), // it catches what it meets
    ];
  }

  /** Everybody is told to come back elsewhere; who does not answer is cut off. */
  async stop(): Promise<void> {
    this.options.server.off('upgrade', this.onUpgrade);
    for (const timer of this.timers) clearInterval(timer);
    const closed = [...this.open.keys()].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const socket of this.open.keys()) socket.close(1001, 'Going away');
    const bound = setTimeout(() => {
      for (const socket of this.open.keys()) socket.terminate();
    }, CLOSE_WITHIN_MS);
    await Promise.all(closed);
    clearTimeout(bound);
    this.server.close();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string): void => {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    };
    const { pathname } = new URL(request.url ?? '/', 'http://gateway');
    if (pathname !== this.options.path) return refuse('404 Not Found');
    if (this.open.size >= SOCKETS_MAX) return refuse('503 Service Unavailable');
    if (isForeignOrigin(request.headers.origin, request.headers.host)) {
      return refuse('403 Forbidden');
    }
    this.server.handleUpgrade(request, socket, head, (accepted) => {
      this.accept(accepted, new Outlet(accepted, socket), request);
    });
  }

  private accept(socket: WebSocket, outlet: Outlet, request: IncomingMessage): void {
    const { authorization } = request.headers;
    const extra: Extra = { socket, outlet, viewer: undefined, authorization, missed: 0 };
    this.open.set(socket, extra);
    socket.on('error', () => socket.terminate());
    socket.on('pong', (data) => {
      extra.missed = 0;
      outlet.heard(data.toString());
    });
    const closed = this.protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => outlet.send(unmarkBigIntegers(text)),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => {
          // A Buffer: ws makes the other kinds only when it is asked to.
          socket.on('message', (data: Buffer) => {
            take(markBigIntegers(data.toString())).catch((error: unknown) => {
              this.options.log.error('a WebSocket message failed by a defect', { error });
              socket.close(CloseCode.InternalServerError, 'Internal server error');
            });
          });
        },
      },
      extra,
    );
    socket.once('close', (code, reason) => {
      this.open.delete(socket);
      closed(code, String(reason)).catch(() => undefined); // its streams have ended either way
    });
  }

  private makeProtocol(): ProtocolServer<Extra> {
    const { operations } = this.options;
    const bodies = new ResultBodies((result) => operations.format(result));
    return makeServer<Record<string, unknown>, Extra>({
      connectionInitWaitTimeout: INIT_WAIT_MS,
      jsonMessageReviver: reviveBigInteger,
      onConnect: async ({ extra, connectionParams }) => {
        extra.authorization = authorizationOf(connectionParams) ?? extra.authorization;
        const known = await whoIs(this.options.authenticate, extra.authorization);
        if (!(known instanceof GraphQLError)) {
          extra.viewer = known;
          return true;
        }
        const isRefused = known.extensions['code'] === 'UNAUTHENTICATED';
        // A plain `false` closes with 4403, on which clients try again for ever.
        if (isRefused) extra.socket.close(CloseCode.Unauthorized, 'Unauthorized');
        else extra.socket.close(1013, 'Try again later');
        return false;
      },
      onSubscribe: ({ extra, subscriptions }, id, payload): ToldArgs | readonly GraphQLError[] => {
        if (Object.keys(subscriptions).length > OPERATIONS_MAX) {
          const message = `A socket has at most ${OPERATIONS_MAX} operations at a time.`;
          return [problem('COMPLEXITY_EXCEEDED', message, { limit: 'operations' })];
        }
        const asked = readRequest(payload);
        if (asked === undefined || extra.viewer === undefined) {
          return [problem('BAD_REQUEST', 'The payload is no GraphQL request.')];
        }
        const refusal = operations.admit(extra.viewer);
        if (refusal !== undefined) return [refusal];
        const prepared = operations.prepare(asked, extra.viewer);
        if (!prepared.ok) return prepared.errors;
        const { outlet } = extra;
        const head = headOf(id);
        const tell: Listener['tell'] = (result) => outlet.write(head, bodies.of(result));
        const args = operations.argsOf(prepared, asked, extra.viewer);
        return { ...args, listener: { pace: outlet, tell } };
      },
      execute: (args) => operations.execute(args),
      subscribe: (args) => operations.subscribe(args, (args as ToldArgs).listener),
      onNext: (_context, _id, _payload, _args, result) =>
        operations.format(result as ExecutionResult) as object,
      onError: (_context, _id, _payload, errors) =>
        errors.map((error) => operations.formatError(asError(error))),
    });
  }

  private ping(): void {
    for (const [socket, extra] of this.open) {
      // A ping stands behind what its reader has not taken: being slow is not being gone.
      const isSlow = extra.outlet.isBehind || socket.bufferedAmount > 0;
      const most = isSlow ? SLOW_PINGS : 1;
      if (extra.missed >= most) {
        socket.terminate();
        continue;
      }
      extra.missed++;
      extra.outlet.ask();
    }
  }

  /** Keys expire and are revoked while their sockets are open. */
  private async look(): Promise<void> {
    const byKey = new Map<string | undefined, WebSocket[]>();
    for (const { viewer, socket, authorization } of this.open.values()) {
      if (viewer === undefined) continue;
      // Its own end needs nobody to be asked, and counts while nobody answers.
      const isOver = viewer.expiresAt !== null && viewer.expiresAt <= Date.now();
      if (isOver) socket.close(CloseCode.Forbidden, 'Forbidden');
      else {
        const sockets = byKey.get(authorization) ?? [];
        sockets.push(socket);
        byKey.set(authorization, sockets);
      }
    }
    await Promise.all([...byKey].map(([key, sockets]) => this.lookAt(key, sockets)));
  }

  private async lookAt(key: string | undefined, sockets: readonly WebSocket[]): Promise<void> {
    try {
      if ((await this.options.authenticate(key)) !== undefined) return;
      for (const socket of sockets) socket.close(CloseCode.Forbidden, 'Forbidden');
    } catch (error) {
      if (!isDatabaseTrouble(error)) this.options.log.error('a key was not checked', { error });
    }
  }
}

function asError(error: GraphQLError | { readonly message: string }): GraphQLError {
  return error instanceof GraphQLError ? error : new GraphQLError(error.message);
}

/** `{authorization: 'Bearer …'}` or `{key: 'ork_…'}`. */
function authorizationOf(params: Readonly<Record<string, unknown>> | undefined) {
  const { authorization, Authorization, key } = params ?? {};
  const header = authorization ?? Authorization;
  if (typeof header === 'string') return header;
  return typeof key === 'string' ? `Bearer ${key}` : undefined;
}
