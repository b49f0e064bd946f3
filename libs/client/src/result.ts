/** What went wrong with a request as a whole; user errors of a mutation are data, not this. */
export interface RequestError {
  /** UNREACHABLE when there was no answer, else the server's code. */
  readonly code: string;
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly retryAfter?: string;
}

/** Errors are values: a caller cannot forget them. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly RequestError[] };

interface WireError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export function toRequestError(error: WireError): RequestError {
  const { extensions, message, path } = error;
  const code = typeof extensions?.['code'] === 'string' ? extensions['code'] : 'GRAPHQL';
  const retryAfter = extensions?.['retryAfter'];
  return {
    code,
    message,
    ...(path === undefined ? {} : { path }),
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
  };
}

export const unreachable = (url: string, error: unknown): RequestError => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message : String(cause);
  return { code: 'UNREACHABLE', message: `Nothing answers at ${url}: ${why}` };
};
