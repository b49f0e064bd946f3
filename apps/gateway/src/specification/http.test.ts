import { describe, expect, it } from 'vitest';
import { readSpecification } from './specification.js';

const url = 'https://api.example.test/v1?a=b';
const read = (more: object) => readSpecification({ kind: 'http', url, ...more }, ['spec'], 15_000);
const errorsOf = (more: object): string[] => {
  const outcome = read(more);
  return outcome.ok ? [] : outcome.errors.map(({ code, path }) => `${code} ${path.join('.')}`);
};

describe('an http specification', () => {
  it('needs an executor that asks, and hands it what it says', () => {
    const said = {
      ...{ method: 'POST', headers: { 'X-A': 'b' }, body: { a: [1] }, followRedirects: false },
      ...{ expectStatus: [201, '4xx'], expectBody: { jsonEquals: null } },
    };
    expect(read({ ...said, timeout: '5s', params: { type: 'object' } })).toMatchObject({
      ok: true,
      specification: {
        ...{ kind: 'HTTP', need: 'http', timeoutMs: 5_000 },
        body: { kind: 'http', url, ...said },
      },
    });
    const outcome = readSpecification({ kind: 'HTTP', url }, [], 15_000);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.errors));
    // Defaults are the executor's.
    expect(JSON.parse(JSON.stringify(outcome.specification.body))).toEqual({ kind: 'http', url });
  });

  it.each<[object, string[]]>([
    [{ url: undefined }, ['REQUIRED spec.url']],
    [{ url: '' }, ['INVALID_VALUE spec.url']],
    [{ url: 'x' }, ['INVALID_VALUE spec.url']],
    [{ url: 7 }, ['INVALID_VALUE spec.url']],
    [{ url: 'ftp://a.test/' }, ['INVALID_VALUE spec.url']],
    [{ url: 'http://' }, ['INVALID_VALUE spec.url']],
    [{ url: `http://a.test/${'x'.repeat(4_096)}` }, ['INVALID_VALUE spec.url']],
    [{ method: 'CONNECT' }, ['INVALID_VALUE spec.method']],
    [{ method: 'get' }, ['INVALID_VALUE spec.method']],
    [{ headers: ['a'] }, ['INVALID_VALUE spec.headers']],
    [{ headers: { 'a b': '' } }, ['INVALID_VALUE spec.headers.a b']],
    [{ headers: { A: 1, B: 'b' } }, ['INVALID_VALUE spec.headers.A']],
    [{ headers: { A: 'x\r\nB: y' } }, ['INVALID_VALUE spec.headers.A']],
    [{ headers: { A: 'x', a: 'y' } }, ['INVALID_VALUE spec.headers.a']],
    [{ headers: { 'Content-Length': '5' } }, ['INVALID_VALUE spec.headers.Content-Length']],
    [
      { headers: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`a${n}`, ''])) },
      ['INVALID_VALUE spec.headers'],
    ],
    [{ body: 'a' }, ['INVALID_VALUE spec.body']],
    [{ method: 'HEAD', body: {} }, ['INVALID_VALUE spec.body']],
    [{ method: 'PUT', body: false }, []],
    [{ expectStatus: 199 }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectStatus: 200.5 }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectStatus: '2XX' }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectStatus: [] }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectStatus: [200, 'x'] }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectStatus: Array.from({ length: 21 }, () => 200) }, ['INVALID_VALUE spec.expectStatus']],
    [{ expectBody: 'x' }, ['INVALID_VALUE spec.expectBody']],
    [{ expectBody: {} }, ['INVALID_VALUE spec.expectBody']],
    [{ expectBody: { contains: 'a', jsonEquals: 1 } }, ['INVALID_VALUE spec.expectBody']],
    [{ expectBody: { contains: '' } }, ['INVALID_VALUE spec.expectBody.contains']],
    [{ expectBody: { contains: null } }, ['INVALID_VALUE spec.expectBody.contains']],
    [
      { expectBody: { matches: '.*' } },
      ['UNKNOWN_FIELD spec.expectBody.matches', 'INVALID_VALUE spec.expectBody'],
    ],
    [{ followRedirects: 'no' }, ['INVALID_VALUE spec.followRedirects']],
    [
      { command: 'x', environment: {} },
      ['UNKNOWN_FIELD spec.command', 'UNSUPPORTED_FIELD spec.environment'],
    ],
  ])('%j', (more, expected) => {
    expect(errorsOf(more)).toEqual(expected);
  });

  it('tells everything that is wrong at once', () => {
    expect(errorsOf({ url: 'x', method: 'G', timeout: 'soon' }).sort()).toEqual([
      'INVALID_DURATION spec.timeout',
      'INVALID_VALUE spec.method',
      'INVALID_VALUE spec.url',
    ]);
  });
});
