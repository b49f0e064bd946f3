/** What went wrong with a request as a whole; user errors of a mutation are data, not this. */
export interface RequestError {
  /** UNREACHABLE when there was no answer, else the server's code. */
  readonly code: string;
  readonly message: string;
  /** What to do about it, where that is known. */
  readonly hint?: string;
  readonly path?: readonly (string | number)[];
  readonly retryAfter?: string;
  /** Of CURSOR_EXPIRED: the oldest cursor there is. */
  readonly oldest?: string;
  /** Of SLOW_CONSUMER: the cursor of what was handed over last. */
  readonly resume?: string;
  /** Of what `mutate` gave up: sent again under this key it is done at most once. */
  readonly idempotencyKey?: string;
  /** The same of a batch: one for each item, in their order. */
  readonly idempotencyKeys?: readonly string[];
  /** Of UNREACHABLE, where the system has a word for it: `ECONNREFUSED`. */
  readonly errno?: string;
}

/** Errors are values: a caller cannot forget them. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly RequestError[] };

export interface WireError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

const HINTS: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'Send a valid API key.',
  FORBIDDEN: 'Ask for a key with a higher role, or for a new one if this one was revoked.',
  NOT_FOUND: 'Check the name or id, and that the key may see its project.',
  CURSOR_EXPIRED: 'Read anew and follow without a cursor, or go on from `oldest`.',
  BAD_CURSOR: 'Give a cursor of this same stream, or none.',
};
const TEXTS = ['retryAfter', 'oldest', 'resume'] as const;

/** With what is to be done about it, where the code tells. */
export function errorOf(code: string, message: string): RequestError {
  const hint = HINTS[code];
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

export function toRequestError({ extensions = {}, message, path }: WireError): RequestError {
  const { code } = extensions;
  const texts = TEXTS.flatMap((name) => {
    const value = extensions[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return {
    ...errorOf(typeof code === 'string' ? code : 'GRAPHQL', message),
    ...(path === undefined ? {} : { path }),
    ...Object.fromEntries(texts),
  };
}

export const unreachable = (url: string, error: unknown): RequestError => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code } = Object(cause) as { readonly code?: unknown };
  const errno = typeof code === 'string' ? code : undefined;
  // Of several addresses that all refuse, Node has a code and no message.
  const said = cause instanceof Error ? cause.message : String(cause);
  const message = `Nothing answers at ${url}: ${said || (errno ?? 'no reason is known')}`;
  return { code: 'UNREACHABLE', message, ...(errno === undefined ? {} : { errno }) };
};

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND']);

/** Nobody is there at all, as against one who is slow or on the way back. */
export const isNobody = ({ errno }: RequestError): boolean => NOBODY.has(errno ?? '');
