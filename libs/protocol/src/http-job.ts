/** What a gateway accepts of an http job and an executor runs: one table for both. */

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** Its answers have no body, or its requests should have none: one that is given is a slip. */
export const HTTP_BODILESS: ReadonlySet<string> = new Set<HttpMethod>(['GET', 'HEAD']);

/** Where a request ends is decided by who sends it: a second opinion is how requests are split. */
const FRAMING: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'http2-settings', 'keep-alive'],
  ...['proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;

export const HTTP_HEADERS_MAX = 100;
export const HTTP_EXPECTED_MAX = 20;

export const isHttpHeader = (name: string, value: unknown): value is string =>
  HEADER_NAME.test(name) &&
  !FRAMING.has(name.toLowerCase()) &&
  typeof value === 'string' &&
  HEADER_VALUE.test(value);

/** 204, or a class such as "2xx". */
export type HttpExpectedStatus = number | string;

export const isHttpExpectedStatus = (value: unknown): value is HttpExpectedStatus =>
  typeof value === 'string'
    ? /^[2-5]xx$/.test(value)
    : Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599;
