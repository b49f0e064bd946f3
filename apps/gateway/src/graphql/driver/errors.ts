import { randomBytes } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { formatDuration } from '#config';
import type { Logger } from '#telemetry';

/** What is not the caller's to mend by another input (api.graphql, Conventions). */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE'
  | 'COMPLEXITY_EXCEEDED'
  | 'OPERATION_TIMEOUT'
  | 'BAD_REQUEST'
  | 'BAD_USER_INPUT'
  | 'BAD_CURSOR'
  | 'CURSOR_EXPIRED'
  | 'SLOW_CONSUMER'
  | 'GRAPHQL_VALIDATION_FAILED'
  | 'INTERNAL';

export function problem(
  code: ErrorCode,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...more } });
}

export function unavailable(retryAfterMs: number): GraphQLError {
  const retryAfter = formatDuration(retryAfterMs);
  const message = `The database cannot be reached now; try again in ${retryAfter}.`;
  return problem('UNAVAILABLE', message, { retryAfter });
}

export const notFound = (what: string): GraphQLError =>
  problem('NOT_FOUND', `${what} does not exist, or this key may not see it.`);

/** A defect of ours: the caller gets a reference, the log gets the story under it. */
export function internal(log: Logger, error: unknown): GraphQLError {
  const reference = randomBytes(6).toString('hex');
  log.error('a request failed by a defect', { reference, error });
  const message = `Something went wrong on our side. Quote the reference ${reference}.`;
  return problem('INTERNAL', message, { reference });
}

const CONNECTION_TROUBLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** Of the driver, and of our own deadlines: they have no code. */
const TROUBLE = new RegExp(
  'connection terminated|query read timeout|timeout (expired|exceeded)|' +
    'took longer than \\d+ ms|is not queryable',
  'i',
);
const RETRY_AFTER_MS = 1_000;

/** It is there, and did not end in time what it was asked. */
export function isTooSlow(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  return code === '57014' || /query read timeout|took longer than \d+ ms/i.test(error.message);
}

/** The database is away, starting, stopping, full or too slow: all of it passes. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'AggregateError') return true; // of a refused connect to several addresses
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  if (CONNECTION_TROUBLE.has(code) || /^(08|53|57|25P0)/.test(code)) return true;
  return TROUBLE.test(error.message);
}

/** Every error that leaves: with a code, and without anything of our insides. */
export function formatError(log: Logger, error: GraphQLError): GraphQLFormattedError {
  if (typeof error.extensions['code'] === 'string') return error.toJSON();
  const { originalError: cause, path } = error;
  if (cause instanceof Error && !(cause instanceof GraphQLError)) {
    const told = isDatabaseTrouble(cause) ? unavailable(RETRY_AFTER_MS) : internal(log, cause);
    return path === undefined ? told.toJSON() : { ...told.toJSON(), path };
  }
  return { ...error.toJSON(), extensions: { ...error.extensions, code: 'BAD_USER_INPUT' } };
}
