import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** One request as it came over HTTP. */
export interface Asked {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}
/** One subscription, and what the server says to it. */
export interface Subscribed {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What `connection_init` carried. */
  readonly init: Readonly<Record<string, unknown>>;
  readonly socket: WebSocket;
  /** The subscriber has said that it wants no more. */
  ended: boolean;
  next(payload: object): void;
  refuse(errors: readonly object[]): void;
  complete(): void;
}
export interface FakeGateway {
  readonly url: string;
  readonly asked: Asked[];
  readonly subscribed: Subscribed[];
  readonly sockets: ReadonlySet<WebSocket>;
  /** The body of each answer: an object is sent as JSON, a text as it is; undefined never comes. */
  answer: (asked: Asked) => object | string | undefined;
  heard: (subscribed: Subscribed) => void;
  /** Every socket is cut, as by a gateway that dies. */
  drop(): void;
  stop(): Promise<void>;
}

/** A server on this machine that speaks GraphQL over HTTP and `graphql-transport-ws`. */
export async function startFakeGateway(): Promise<FakeGateway> {
  const sockets = new Set<WebSocket>();
  const server = http.createServer((request, response) => {
    void textOf(request).then((text) => {
      const { query, variables } = JSON.parse(text) as Asked;
      const asked = { query, variables, authorization: request.headers.authorization };
      fake.asked.push(asked);
      const body = fake.answer(asked);
      if (body === undefined) return;
      response.setHeader('content-type', 'application/json');
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  const upgrades = new WebSocketServer({ server, handleProtocols: () => 'graphql-transport-ws' });
  upgrades.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, (subscribed) => {
      fake.subscribed.push(subscribed);
      fake.heard(subscribed);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeGateway = {
    url: `http://127.0.0.1:${port}/graphql`,
    asked: [],
    subscribed: [],
    sockets,
    answer: () => ({ data: {} }),
    heard: () => undefined,
    drop() {
      for (const socket of sockets) socket.terminate();
    },
    async stop() {
      fake.drop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

function serve(socket: WebSocket, heard: (subscribed: Subscribed) => void): void {
  const open = new Map<string, Subscribed>();
  let init: Readonly<Record<string, unknown>> = {};
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  socket.on('message', (bytes: Buffer) => {
    const { type, id = '', payload = {} } = JSON.parse(bytes.toString()) as Frame;
    if (type === 'connection_init') {
      init = payload;
      send({ type: 'connection_ack' });
    }
    if (type === 'complete') {
      const ended = open.get(id);
      if (ended !== undefined) ended.ended = true;
    }
    if (type !== 'subscribe') return;
    const { query, variables } = payload as unknown as Subscribed;
    const subscribed: Subscribed = {
      query,
      variables,
      init,
      socket,
      ended: false,
      next: (data) => send({ type: 'next', id, payload: data }),
      refuse: (errors) => send({ type: 'error', id, payload: errors }),
      complete: () => send({ type: 'complete', id }),
    };
    open.set(id, subscribed);
    heard(subscribed);
  });
}

async function textOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const bytes of request) text += String(bytes);
  return text;
}
