import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { markBigIntegers, reviveBigInteger } from '#protocol';

/** Nothing heard for `pongWithinMs` after a ping: a peer that is gone without a word. */
const SILENCE = { pingMs: 10_000, pongWithinMs: 5_000 };
const ACK_WITHIN_MS = 10_000;
const NORMAL = 1000;
const GOING_AWAY = 1001;

type Heard = ((event: { readonly data: unknown }) => void) | null;
type Closed = ((event: { readonly code: number; readonly reason: string }) => void) | null;

/** As graphql-ws is to see a socket, whose handlers it sets once each. */
class Socket extends WebSocket {
  private isOurs = false;

  constructor(url: string, protocol: string) {
    super(url, protocol);
    Object.defineProperties(this, {
      // It reads JSON by itself; big integers are marked before it does.
      onmessage: {
        set: (heard: Heard) => {
          this.removeAllListeners('message');
          if (heard === null) return;
          this.on('message', (bytes: Buffer) => heard({ data: markBigIntegers(bytes.toString()) }));
        },
      },
      // After a normal closure it would ask anew by itself, from the old cursor.
      onclose: {
        set: (closed: Closed) => {
          this.removeAllListeners('close');
          if (closed === null) return;
          this.on('close', (code: number, reason: Buffer) => {
            const told = code === NORMAL && !this.isOurs ? GOING_AWAY : code;
            closed({ code: told, reason: reason.toString() });
          });
        },
      },
    });
  }

  override close(code?: number, data?: string | Buffer): void {
    // ws answers the server's own close through here as well, with the bytes that it got.
    if (typeof data === 'string') this.isOurs = true;
    super.close(code, data);
  }
}

/** A socket for all subscriptions of a client, opened by the first; it never asks anew itself. */
export function connect(
  url: string,
  authorization: string | undefined,
  connected: () => void,
  { pingMs, pongWithinMs } = SILENCE,
): Client {
  let silence: NodeJS.Timeout | undefined;
  const over = (): void => {
    clearTimeout(silence);
    silence = undefined;
  };
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: Socket,
    connectionParams: authorization === undefined ? {} : { authorization },
    lazy: true,
    retryAttempts: 0,
    keepAlive: pingMs,
    connectionAckWaitTimeout: ACK_WITHIN_MS,
    jsonMessageReviver: reviveBigInteger,
    on: {
      ping: (isReceived) => {
        if (isReceived) return;
        over();
        silence = setTimeout(() => client.terminate(), pongWithinMs);
      },
      connected,
      // A sign of life; but only a pong brings the next ping, so it must come all the same.
      message: () => void silence?.refresh(),
      pong: (isReceived) => {
        if (isReceived) over();
      },
      closed: over,
      error: over,
    },
  });
  return client;
}
