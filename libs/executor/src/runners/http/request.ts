import type { HttpMethod } from '#protocol';
import type { Attempt } from '../runner.js';
import type { HttpSpec } from './spec.js';

/** One request, ready to be sent: the URL holds no credentials, the names of headers are small. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What a server gets to know of us is in these headers, unless the job has its own. */
export function firstRequest(
  spec: HttpSpec,
  token: Pick<Attempt['token'], 'run' | 'attempt'>,
  userAgent: string,
): HttpRequest {
  const { method, body } = spec;
  const url = new URL(spec.url);
  const headers: Record<string, string> = {
    'user-agent': userAgent,
    'idempotency-key': `${token.run}/${token.attempt}`,
  };
  if (url.username !== '' || url.password !== '') headers['authorization'] = basic(url);
  if (body !== null) headers['content-type'] = body.type;
  for (const [name, value] of Object.entries(spec.headers)) headers[name.toLowerCase()] = value;
  return { method, url: withoutCredentials(url), headers, body: body?.text ?? null };
}

function basic({ username, password }: URL): string {
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a % of its own
  }
}

function withoutCredentials(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  plain.hash = '';
  return plain;
}

export type Redirect =
  | { readonly kind: 'none' }
  | { readonly kind: 'to'; readonly request: HttpRequest }
  | { readonly kind: 'nowhere' };

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Given to one server, and no other's business. */
const PERSONAL = ['authorization', 'cookie', 'host', 'proxy-authorization'];
const OF_A_BODY = /^content-/;

/** Where an answer sends us, as a browser would go there. */
export function redirectOf(
  request: HttpRequest,
  status: number,
  location: string | undefined,
): Redirect {
  if (!REDIRECTS.has(status) || location === undefined) return { kind: 'none' };
  if (!URL.canParse(location, request.url.href)) return { kind: 'nowhere' };
  // Credentials are the job's to give, so those that a server writes into its answer are left out.
  const url = withoutCredentials(new URL(location, request.url));
  const headers = { ...request.headers };
  if (url.origin !== request.url.origin) for (const name of PERSONAL) delete headers[name];
  const { method, body } = request;
  const becomesGet = (status === 303 && method !== 'HEAD') || (status < 303 && method === 'POST');
  if (!becomesGet) return { kind: 'to', request: { method, url, headers, body } };
  for (const name of Object.keys(headers)) if (OF_A_BODY.test(name)) delete headers[name];
  return { kind: 'to', request: { method: 'GET', url, headers, body: null } };
}

const SHOWN_MAX = 500;

/** For people: secrets stand in credentials and queries. */
export function shown({ method, url }: Pick<HttpRequest, 'method' | 'url'>): string {
  const query = url.search === '' ? '' : '?…';
  return `${method} ${url.protocol}//${url.host}${url.pathname.slice(0, SHOWN_MAX)}${query}`;
}
