import {
  HTTP_BODILESS,
  HTTP_EXPECTED_MAX,
  HTTP_HEADERS_MAX,
  HTTP_METHODS,
  isHttpExpectedStatus,
  isHttpHeader,
} from '#protocol';
import type { Fields, Members } from './fields.js';

export const HTTP_FIELDS = [
  'method',
  'url',
  'headers',
  'body',
  'expectStatus',
  'expectBody',
  'followRedirects',
] as const;

const URL_CHARS_MAX = 4_096;
const EXPECTED_CHARS_MAX = 64 * 1_024;

/** A request and what is expected of its answer. The params of a run are no part of it. */
export function readHttp(fields: Fields) {
  if (!fields.has('url')) fields.refuse('url', 'REQUIRED', 'An http job needs its url.');
  const method = fields.word('method', HTTP_METHODS);
  if (fields.has('body') && HTTP_BODILESS.has(method ?? HTTP_METHODS[0])) {
    const message = `A ${method ?? 'GET'} request has no body: leave it out, or name a method.`;
    fields.refuse('body', 'INVALID_VALUE', message);
  }
  const body: Record<string, unknown> = {
    kind: 'http',
    method,
    url: readUrl(fields),
    headers: readHeaders(fields),
    body: fields.has('body') ? fields.value('body') : undefined,
    expectStatus: readStatus(fields),
    expectBody: readExpectedBody(fields),
    followRedirects: fields.flag('followRedirects'),
  };
  return { kind: 'HTTP' as const, need: 'http', body };
}

function readUrl(fields: Fields): string | undefined {
  const url = fields.text('url', { max: URL_CHARS_MAX, is: 'a URL' });
  if (url === undefined) return undefined;
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (isHttp) return url;
  const message = 'url must be a whole URL that starts with http:// or https://.';
  fields.refuse('url', 'INVALID_VALUE', message);
  return undefined;
}

function readHeaders(fields: Fields): Readonly<Record<string, unknown>> | undefined {
  const headers = fields.object('headers');
  const nested = headers && fields.nested('headers');
  const entries = Object.entries(headers ?? {});
  if (entries.length > HTTP_HEADERS_MAX) {
    const message = `There may be at most ${HTTP_HEADERS_MAX} headers.`;
    fields.refuse('headers', 'INVALID_VALUE', message);
    return headers;
  }
  const names = new Set<string>();
  for (const [name, value] of entries) {
    const isTwice = names.has(name.toLowerCase());
    names.add(name.toLowerCase());
    if (isTwice) nested?.refuse(name, 'INVALID_VALUE', 'A header stands here once.');
    else if (!isHttpHeader(name, value)) {
      const message = 'A header has a name, a value of one line, and no say in how it is sent.';
      nested?.refuse(name, 'INVALID_VALUE', message);
    }
  }
  return headers;
}

function readStatus(fields: Fields): unknown {
  if (!fields.has('expectStatus')) return undefined;
  const value = fields.value('expectStatus');
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isGood = list.length > 0 && list.length <= HTTP_EXPECTED_MAX;
  if (isGood && list.every(isHttpExpectedStatus)) return value;
  const message =
    'expectStatus must be a status from 200 to 599, a class such as "2xx", ' +
    `or a list of at most ${HTTP_EXPECTED_MAX} of these.`;
  fields.refuse('expectStatus', 'INVALID_VALUE', message);
  return undefined;
}

function readExpectedBody(fields: Fields): Members | undefined {
  const expected = fields.nested('expectBody');
  if (expected === undefined) return undefined;
  expected.only(['contains', 'jsonEquals']);
  const hasText = expected.value('contains') !== undefined;
  // null is a value that a body may have.
  const hasJson = expected.value('jsonEquals') !== undefined;
  if (hasText === hasJson) {
    fields.refuse('expectBody', 'INVALID_VALUE', 'expectBody holds either contains or jsonEquals.');
  }
  const rule = { max: EXPECTED_CHARS_MAX, is: 'a text that is not empty' };
  if (expected.value('contains') === null) {
    expected.refuse('contains', 'INVALID_VALUE', `contains must be ${rule.is}.`);
  }
  expected.text('contains', rule);
  return fields.object('expectBody');
}
