import {
  HTTP_BODILESS,
  HTTP_EXPECTED_MAX,
  HTTP_HEADERS_MAX,
  HTTP_METHODS,
  type HttpExpectedStatus,
  type HttpMethod,
  isHttpExpectedStatus,
  isHttpHeader,
  stringifyJson,
} from '#protocol';

export type BodyExpectation =
  | { readonly kind: 'contains'; readonly text: string }
  | { readonly kind: 'jsonEquals'; readonly value: unknown };

export interface HttpSpec {
  readonly kind: 'http';
  readonly method: HttpMethod;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A text as it is, anything else as JSON. */
  readonly body: { readonly text: string; readonly type: string } | null;
  readonly expectStatus: readonly HttpExpectedStatus[];
  readonly expectBody: BodyExpectation | null;
  readonly followRedirects: boolean;
}

type Members = Readonly<Record<string, unknown>>;
export type ReadHttp =
  | { readonly kind: 'known'; readonly spec: HttpSpec }
  | { readonly kind: 'invalid'; readonly why: string };

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The gateway has said all this to the job's author, field by field; here it is only kept out. */
export function readHttp(value: Members): ReadHttp {
  const invalid = (why: string): ReadHttp => ({ kind: 'invalid', why });
  const { url } = value;
  if (typeof url !== 'string' || !URL.canParse(url)) return invalid('url must be a whole URL');
  const method = HTTP_METHODS.find((each) => each === (value['method'] ?? 'GET'));
  if (method === undefined) return invalid(`method must be one of ${HTTP_METHODS.join(', ')}`);
  const headers = value['headers'] ?? {};
  if (!isHeaders(headers)) return invalid('headers must be an object of header values');
  const body = bodyOf(value['body']);
  if (body !== null && HTTP_BODILESS.has(method)) return invalid(`${method} has no body`);
  const expectStatus = statusesOf(value['expectStatus'] ?? '2xx');
  if (expectStatus === undefined) {
    return invalid('expectStatus must be a status, a class such as "2xx", or a list of these');
  }
  const expectBody = expectationOf(value['expectBody']);
  if (expectBody === undefined) {
    return invalid('expectBody must be {"contains": text} or {"jsonEquals": value}');
  }
  const followRedirects = value['followRedirects'] ?? true;
  if (typeof followRedirects !== 'boolean') return invalid('followRedirects must be true or false');
  const expected = { expectStatus, expectBody };
  const spec: HttpSpec = {
    ...{ kind: 'http', method, url, headers, body, ...expected, followRedirects },
  };
  return { kind: 'known', spec };
}

function isHeaders(value: unknown): value is Readonly<Record<string, string>> {
  if (!isMembers(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= HTTP_HEADERS_MAX && entries.every(([name, text]) => isHttpHeader(name, text))
  );
}

function bodyOf(value: unknown): HttpSpec['body'] {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return { text: value, type: 'text/plain; charset=utf-8' };
  return { text: stringifyJson(value), type: 'application/json' };
}

function statusesOf(value: unknown): readonly HttpExpectedStatus[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isGood = list.length > 0 && list.length <= HTTP_EXPECTED_MAX;
  return isGood && list.every(isHttpExpectedStatus) ? list : undefined;
}

function expectationOf(value: unknown): BodyExpectation | null | undefined {
  if (value === undefined || value === null) return null;
  if (!isMembers(value) || Object.keys(value).length !== 1) return undefined;
  const { contains } = value;
  if (typeof contains === 'string') return { kind: 'contains', text: contains };
  return 'jsonEquals' in value ? { kind: 'jsonEquals', value: value['jsonEquals'] } : undefined;
}
