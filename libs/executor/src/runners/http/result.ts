import { isDeepStrictEqual } from 'node:util';
import { parseJson } from '#protocol';
import type { Answer } from './exchange.js';
import type { HttpSpec } from './spec.js';

/** What a run of an http job leaves. */
export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** There was more than is kept. */
  readonly truncated: boolean;
}

/** What a server hands out to one client alone. */
const SECRET: ReadonlySet<string> = new Set(['set-cookie', 'authentication-info']);
const HEADERS_MAX = 50;
const HEADER_CHARS_MAX = 1_024;
/** A control character is one byte in a body and six in JSON: with its headers it must fit. */
const BODY_JSON_BYTES_MAX = 160 * 1024;
const JSON_BYTES_A_CHAR_MAX = 6;

export function resultOf({ status, headers, body, isTruncated }: Answer): HttpResult {
  // In a stream a character that is cut in the middle waits for its rest, which is left out.
  const text = new TextDecoder().decode(body, { stream: isTruncated });
  const kept = withinJson(text);
  return {
    status,
    headers: selected(headers),
    body: kept,
    truncated: isTruncated || kept.length < text.length,
  };
}

function withinJson(text: string): string {
  if (Buffer.byteLength(JSON.stringify(text)) <= BODY_JSON_BYTES_MAX) return text;
  const kept = text.slice(0, Math.floor(BODY_JSON_BYTES_MAX / JSON_BYTES_A_CHAR_MAX));
  return kept.replace(/[\ud800-\udbff]$/, '');
}

function selected(headers: Answer['headers']): Record<string, string> {
  const found: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || SECRET.has(name) || found.length >= HEADERS_MAX) continue;
    found.push([name, String(value).slice(0, HEADER_CHARS_MAX)]);
  }
  return Object.fromEntries(found);
}

const MAY_SAY_WHEN: ReadonlySet<number> = new Set([429, 503]);

/** Semantics 5.2: what 429 and 503 say of their next time, in ms; null where they say nothing. */
export function retryAfter(
  status: number,
  { headers }: Pick<Answer, 'headers'>,
  now: number,
): number | null {
  const value = headers['retry-after'];
  if (!MAY_SAY_WHEN.has(status) || typeof value !== 'string') return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

export interface Disappointment {
  readonly class: 'HTTP_STATUS' | 'HTTP_BODY';
  readonly message: string;
}

/** What is not as the job expects it; the status first, since it says what the body is about. */
export function disappointmentOf(spec: HttpSpec, result: HttpResult): Disappointment | undefined {
  const { status } = result;
  const isExpected = spec.expectStatus.some((each) =>
    typeof each === 'number' ? each === status : each === `${Math.floor(status / 100)}xx`,
  );
  if (!isExpected) {
    const message = `the status is ${status}, expected is ${spec.expectStatus.join(' or ')}`;
    return { class: 'HTTP_STATUS', message };
  }
  const message = bodyFault(spec, result);
  return message === undefined ? undefined : { class: 'HTTP_BODY', message };
}

function bodyFault({ expectBody }: HttpSpec, { body, truncated }: HttpResult): string | undefined {
  const read = truncated ? ' in what is read of it' : '';
  switch (expectBody?.kind) {
    case undefined:
      return undefined;
    case 'contains':
      return body.includes(expectBody.text) ? undefined : `the body lacks the expected text${read}`;
    case 'jsonEquals':
      if (truncated) return 'the body is too long to be compared with the expected JSON';
      return jsonFault(body, expectBody.value);
    default: {
      const never: never = expectBody;
      return never;
    }
  }
}

function jsonFault(body: string, expected: unknown): string | undefined {
  try {
    // First as usual: what keeps all digits is quick with JSON only, and this is a stranger's text.
    JSON.parse(body);
    const isEqual = isDeepStrictEqual(parseJson(body), expected);
    return isEqual ? undefined : 'the body is not the expected JSON';
  } catch {
    return 'the body is no JSON';
  }
}
