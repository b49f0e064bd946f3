import { type Client as WsClient, createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { parseJson, stringifyJson } from '#protocol';
import { type Result, toRequestError, unreachable } from './result.js';

export interface ClientOptions {
  /** The GraphQL endpoint: http://127.0.0.1:4000/graphql */
  readonly url: string;
  readonly key?: string;
  readonly timeoutMs?: number;
}

export type Variables = Readonly<Record<string, unknown>>;

export interface Client {
  request<T>(document: string, variables?: Variables): Promise<Result<T>>;
  /** Ends when the server ends it; throws a `SubscriptionError` when it is refused. */
  subscribe<T>(document: string, variables?: Variables): AsyncIterableIterator<T>;
  close(): Promise<void>;
}

export class SubscriptionError extends Error {
  override readonly name = 'SubscriptionError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

const DEFAULT_TIMEOUT_MS = 15_000;

export function createClient(options: ClientOptions): Client {
  const { url, key, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const authorization = key === undefined ? undefined : `Bearer ${key}`;
  let socket: WsClient | undefined;
  const connect = (): WsClient =>
    createWsClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: authorization === undefined ? {} : { authorization },
      lazy: true,
      retryAttempts: 0,
    });
  return {
    async request<T>(document: string, variables: Variables = {}): Promise<Result<T>> {
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(authorization === undefined ? {} : { authorization }),
          },
          body: stringifyJson({ query: document, variables }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        return read(answerIn<T>(await response.text(), response.status));
      } catch (error) {
        return { ok: false, errors: [unreachable(url, error)] };
      }
    },
    subscribe<T>(document: string, variables: Variables = {}): AsyncIterableIterator<T> {
      socket ??= connect();
      return unwrap<T>(socket.iterate<T>({ query: document, variables: { ...variables } }));
    },
    async close() {
      await socket?.dispose();
      socket = undefined;
    },
  };
}

/** What stands before a gateway answers in its own words: a page, with a status. */
function answerIn<T>(text: string, status: number): Answer<T> {
  try {
    return parseJson(text) as Answer<T>;
  } catch {
    const said = JSON.stringify(text.slice(0, 80));
    const message = `The answer is no GraphQL: HTTP ${status}, ${said}`;
    return { errors: [{ message, extensions: { code: 'NOT_GRAPHQL' } }] };
  }
}

function read<T>(answer: Answer<T>): Result<T> {
  if (answer.errors !== undefined && answer.errors.length > 0) {
    return { ok: false, errors: answer.errors.map(toRequestError) };
  }
  if (answer.data === undefined || answer.data === null) {
    return { ok: false, errors: [{ code: 'EMPTY', message: 'the answer holds no data' }] };
  }
  return { ok: true, value: answer.data };
}

async function* unwrap<T>(
  frames: AsyncIterableIterator<{
    data?: T | null | undefined;
    errors?: readonly { message: string }[] | undefined;
  }>,
): AsyncIterableIterator<T> {
  try {
    for await (const frame of frames) {
      const [error] = (frame.errors ?? []).map(toRequestError);
      if (error !== undefined) throw new SubscriptionError(error.code, error.message);
      if (frame.data !== undefined && frame.data !== null) yield frame.data;
    }
  } catch (error) {
    throw asSubscriptionError(error);
  }
}

/** graphql-ws rejects with a close event, a list of errors, or an Error. */
function asSubscriptionError(error: unknown): Error {
  if (error instanceof SubscriptionError) return error;
  if (Array.isArray(error)) {
    const [first] = (error as { message: string }[]).map(toRequestError);
    if (first !== undefined) return new SubscriptionError(first.code, first.message);
  }
  if (typeof error === 'object' && error !== null && 'code' in error) {
    const { code, reason } = error as { code: unknown; reason?: unknown };
    if (code === 4401) return new SubscriptionError('UNAUTHENTICATED', 'The key was refused.');
    if (code === 4403) return new SubscriptionError('FORBIDDEN', 'The key is no longer valid.');
    return new SubscriptionError(
      'CLOSED',
      `The connection closed (${String(code)} ${String(reason)})`,
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}
