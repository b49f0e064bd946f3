import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLError } from 'graphql';
import { parseJson, unmarkBigIntegers } from '#protocol';
import type { Viewer } from '../../auth/viewer.js';
import type { GraphqlRequest } from './documents.js';
import { isDatabaseTrouble, problem, unavailable } from './errors.js';
import type { FormattedResult, Operations } from './operations.js';

/** For batches of thousands; the document itself is bounded apart (limits.ts). */
export const REQUEST_BYTES_MAX = 64 * 1_048_576;
const RESPONSE_JSON = 'application/graphql-response+json';
/** Of who is not let in. */
const STATUS_OF: Readonly<Record<string, number>> = { UNAUTHENTICATED: 401, RATE_LIMITED: 429 };
const RETRY_AFTER_MS = 1_000;

export type Authenticate = (authorization: string | undefined) => Promise<Viewer | undefined>;

/** A browser says where a request comes from; another site's page has no business here. */
export function isForeignOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return false;
  if (!URL.canParse(origin)) return true;
  const { protocol, host: from } = new URL(origin);
  const own = `${protocol}//${host}`;
  // Read by the same rules: the default port is left out of both.
  return !URL.canParse(own) || new URL(own).host !== from;
}

export const unauthenticated = (): GraphQLError =>
  problem('UNAUTHENTICATED', 'Send a valid API key as `Authorization: Bearer ork_…`.');

/** The viewer, or what to say to somebody who is none. */
export async function whoIs(
  authenticate: Authenticate,
  authorization: string | undefined,
): Promise<Viewer | GraphQLError> {
  try {
    return (await authenticate(authorization)) ?? unauthenticated();
  } catch (error) {
    if (isDatabaseTrouble(error)) return unavailable(RETRY_AFTER_MS);
    throw error;
  }
}
const isViewer = (known: Viewer | GraphQLError): known is Viewer => !(known instanceof Error);

export function routeHttp(
  fastify: FastifyInstance,
  path: string,
  operations: Operations,
  authenticate: Authenticate,
): void {
  const viewers = new WeakMap<FastifyRequest, Viewer>();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: REQUEST_BYTES_MAX },
    (_request, body, done) => {
      try {
        done(null, parseJson(String(body)));
      } catch {
        done(null, undefined);
      }
    },
  );
  fastify.post(
    path,
    {
      // Before the body is read: a stranger's 64 MiB cost nothing.
      onRequest: async (request, reply) => {
        if (isForeignOrigin(request.headers.origin, request.headers.host)) {
          return send(request, reply, 403, refused('FORBIDDEN', 'This origin is not ours.'));
        }
        const known = await whoIs(authenticate, request.headers.authorization);
        const refusal = isViewer(known) ? operations.admit(known) : known;
        if (isViewer(known)) viewers.set(request, known);
        if (refusal === undefined) return;
        const status = STATUS_OF[String(refusal.extensions['code'])] ?? 503;
        return send(request, reply, status, { errors: [refusal.toJSON()] });
      },
    },
    async (request, reply) => {
      const viewer = viewers.get(request);
      if (viewer === undefined) throw new Error('a request passed without its viewer');
      const asked = readRequest(request.body);
      if (asked === undefined) {
        const message = 'Send JSON: {"query": "…", "variables": {…}, "operationName": "…"}.';
        return send(request, reply, 400, refused('BAD_REQUEST', message), true);
      }
      const prepared = operations.prepare(asked, viewer);
      if (!prepared.ok) {
        const errors = prepared.errors.map((error) => operations.formatError(error));
        return send(request, reply, 400, { errors });
      }
      if (prepared.operation.operation === 'subscription') {
        const message = `Subscriptions go over a WebSocket at ${path} (graphql-transport-ws).`;
        return send(request, reply, 400, refused('BAD_REQUEST', message));
      }
      const result = await operations.execute(operations.argsOf(prepared, asked, viewer));
      return send(request, reply, 200, operations.format(result));
    },
  );
}

function refused(code: 'BAD_REQUEST' | 'FORBIDDEN', message: string): FormattedResult {
  return { errors: [problem(code, message).toJSON()] };
}

/**
 * GraphQL over HTTP: to who accepts `application/graphql-response+json` the status tells what
 * became of the request; to everybody else a readable answer is 200 (`always` excepted).
 */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  body: FormattedResult,
  always = false,
): FastifyReply {
  const isAware = request.headers.accept?.includes(RESPONSE_JSON) === true;
  const type = isAware ? RESPONSE_JSON : 'application/json';
  return reply
    .code(isAware || always || status === 403 ? status : 200)
    .header('content-type', `${type}; charset=utf-8`)
    .header('cache-control', 'no-store')
    .send(unmarkBigIntegers(JSON.stringify(body)));
}

export function readRequest(body: unknown): GraphqlRequest | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { query, variables, operationName } = body as Record<string, unknown>;
  const given = variables ?? {};
  const name = operationName ?? null;
  if (typeof query !== 'string' || typeof given !== 'object' || Array.isArray(given)) {
    return undefined;
  }
  if (name !== null && typeof name !== 'string') return undefined;
  return { query, variables: given as Record<string, unknown>, operationName: name };
}
