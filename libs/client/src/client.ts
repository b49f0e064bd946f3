import type { Client as WsClient } from 'graphql-ws';
import { parseJson, stringifyJson } from '#protocol';
import { type FollowOptions, Following } from './follow.js';
import { Frames } from './frames.js';
import { persist, withKeys, withNamedKeys } from './mutate.js';
import { PATIENCE, type Patience, type Weather, weather } from './patience.js';
import { type Result, type WireError, toRequestError, unreachable } from './result.js';
import { connect } from './socket.js';

export interface ClientOptions {
  /** The GraphQL endpoint: http://127.0.0.1:4000/graphql */
  readonly url: string;
  readonly key?: string;
  readonly timeoutMs?: number;
  /** How long `mutate` tries again. */
  readonly patience?: Partial<Patience>;
  /** Frames that `follow` keeps for its reader before it puts the server off. */
  readonly framesMax?: number;
  readonly weather?: Weather;
}

export type Variables = Readonly<Record<string, unknown>>;

export interface Client {
  readonly url: string;
  /** Asked once. */
  request<T>(document: string, variables?: Variables): Promise<Result<T>>;
  /**
   * A mutation whose `$input` takes an `idempotencyKey`: it is given one where it has none, and is
   * sent again under the same key while what went wrong may pass.
   */
  mutate<T>(document: string, input: Variables): Promise<Result<T>>;
  /** Over every loss of its connection; an end that is no one's wish is the last step, a value. */
  follow<T>(
    document: string,
    variables?: Variables,
    options?: FollowOptions,
  ): AsyncIterableIterator<Result<T>>;
  /**
   * One connection's worth of it. Ends when the server ends it; throws a `SubscriptionError` when
   * it is refused or the connection is lost.
   */
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
  readonly errors?: readonly WireError[];
}

const DEFAULT_TIMEOUT_MS = 15_000;

export function createClient(options: ClientOptions): Client {
  const { url, key, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const patience = { ...PATIENCE, ...options.patience };
  const own = options.weather ?? weather;
  const authorization = key === undefined ? undefined : `Bearer ${key}`;
  let socket: WsClient | undefined;
  const followed = new Set<Following<unknown>>();
  let wasThere = false;
  const tell = (): void => {
    wasThere = true;
    for (const following of followed) following.connected();
  };
  const connected = (): WsClient => (socket ??= connect(url, authorization, tell));
  const request = async <T>(document: string, variables: Variables = {}): Promise<Result<T>> => {
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
  };
  return {
    url,
    request,
    async mutate<T>(document: string, given: Variables): Promise<Result<T>> {
      const input = withKeys(given);
      const ask = (): Promise<Result<T>> => request<T>(document, { input });
      const { answer, isSent } = await persist<T>(ask, patience, own);
      return isSent ? withNamedKeys(answer, input) : answer;
    },
    follow<T>(document: string, variables: Variables = {}, how: FollowOptions = {}) {
      const following = new Following<T>(
        {
          url,
          weather: own,
          open: (query, given) => new Frames<T>(connected(), query, given, options.framesMax),
          left: () => followed.delete(following),
          wasThere: () => wasThere,
        },
        document,
        variables,
        how,
      );
      followed.add(following);
      return following;
    },
    subscribe<T>(document: string, variables: Variables = {}): AsyncIterableIterator<T> {
      return unwrap<T>(connected().iterate<T>({ query: document, variables: { ...variables } }));
    },
    async close() {
      await Promise.all([...followed].map((following) => following.return()));
      // One that is still being opened and then is refused has nothing to close.
      await Promise.resolve(socket?.dispose()).catch(() => undefined);
      socket = undefined;
    },
  };
}

/** Said by a proxy whose gateway is away, which passes. */
const AWAY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What stands before a gateway answers in its own words: a page, with a status. */
function answerIn<T>(text: string, status: number): Answer<T> {
  try {
    return parseJson(text) as Answer<T>;
  } catch {
    const said = JSON.stringify(text.slice(0, 80));
    const message = `The answer is no GraphQL: HTTP ${status}, ${said}`;
    const code = AWAY.has(status) ? 'UNAVAILABLE' : 'NOT_GRAPHQL';
    return { errors: [{ message, extensions: { code } }] };
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
