import net from 'node:net';
import { Aedes, type Client } from 'aedes';
import { createFrameGuard } from './frame-guard.js';

const HOST = '127.0.0.1';
const PACKET_BYTES_MAX = 1024 * 1024 + 1024; // a full MiB of payload with its topic
/** A subscriber that reads nothing for this long would stop aedes for everybody. */
const STALL_BOUND_MS = 1_000;
const CONNECT_BOUND_MS = 5_000;
const CLIENT_ID_LENGTH_MAX = 256;
const QUEUED_BEFORE_CONNECT_MAX = 256;

/** Something a person can put right, in one sentence. */
export class BrokerProblem extends Error {
  override readonly name = 'BrokerProblem';
}

export interface BrokerLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface BrokerOptions {
  /** 0 or left out: a free one at the first start, and the same at every later one. */
  readonly port?: number;
  readonly packetBytesMax?: number;
  readonly stallBoundMs?: number;
  readonly log: BrokerLog;
}

export interface BrokerAddress {
  readonly url: string;
  readonly port: number;
}

export interface Broker {
  /** Throws BrokerProblem when the port cannot be taken. */
  start(): Promise<BrokerAddress>;
  stop(): Promise<void>;
  /** The connections of now. */
  readonly connections: number;
}

/** aedes for one machine: bound to 127.0.0.1, and unharmed by a client that stops reading. */
export function createBroker(options: BrokerOptions): Broker {
  const { log } = options;
  const packetBytesMax = options.packetBytesMax ?? PACKET_BYTES_MAX;
  const sockets = new Set<net.Socket>();
  let port = options.port ?? 0;
  let running: { readonly aedes: Aedes; readonly server: net.Server } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const accept = (aedes: Aedes, socket: net.Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    guard(socket, packetBytesMax, log);
    aedes.handle(socket);
  };

  const start = async (): Promise<BrokerAddress> => {
    if (!running) {
      const aedes = await openAedes(options.stallBoundMs ?? STALL_BOUND_MS, log);
      const server = net.createServer({ noDelay: true }, (socket) => accept(aedes, socket));
      try {
        port = await listen(server, port);
      } catch (error) {
        await closeAedes(aedes);
        throw error;
      }
      server.on('error', (error) => log.error('broker server failed', { error: error.message }));
      running = { aedes, server };
    }
    return { url: `mqtt://${HOST}:${port}`, port };
  };

  const stop = async (): Promise<void> => {
    if (!running) return;
    const { aedes, server } = running;
    running = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    await closeAedes(aedes);
  };

  // One after the other, whatever the caller's order.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work);
    turn = next.catch(() => undefined);
    return next;
  };

  return {
    start: () => inTurn(start),
    stop: () => inTurn(stop),
    get connections() {
      return sockets.size;
    },
  };
}

async function openAedes(stallBoundMs: number, log: BrokerLog): Promise<Aedes> {
  const aedes = await Aedes.createBroker({
    drainTimeout: stallBoundMs,
    connectTimeout: CONNECT_BOUND_MS,
    maxClientsIdLength: CLIENT_ID_LENGTH_MAX,
    queueLimit: QUEUED_BEFORE_CONNECT_MAX,
  });
  const lost = (client: Client, error: Error): void =>
    log.warn('broker client closed', { client: client.id, because: error.message });
  aedes.on('clientError', lost);
  aedes.on('connectionError', lost);
  return aedes;
}

const closeAedes = (aedes: Aedes): Promise<void> =>
  new Promise((resolve) => aedes.close(() => resolve()));

/** aedes pulls with read(); each chunk is looked at on its way, so nothing is copied. */
function guard(socket: net.Socket, packetBytesMax: number, log: BrokerLog): void {
  const frames = createFrameGuard(packetBytesMax);
  const read = socket.read.bind(socket);
  socket.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (!(chunk instanceof Uint8Array) || frames.accept(chunk)) return chunk;
    log.warn('broker client closed: a packet above the bound', { packetBytesMax });
    socket.destroy();
    return null;
  };
}

function listen(server: net.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const because = error.code ?? error.message;
      const advice = 'stop the program that holds it, or choose another port';
      const text = `Port ${port} on ${HOST} cannot be taken for MQTT (${because}): ${advice}.`;
      reject(new BrokerProblem(text));
    });
    server.listen(port, HOST, () => {
      const address = server.address();
      server.removeAllListeners('error');
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
