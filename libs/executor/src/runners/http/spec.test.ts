import { expect, it } from 'vitest';
import { readHttp } from './spec.js';

const url = 'http://a.test/';

it('has a default for everything but the URL', () => {
  expect(readHttp({ url })).toEqual({
    kind: 'known',
    spec: {
      ...{ kind: 'http', method: 'GET', url, headers: {}, body: null },
      ...{ expectStatus: ['2xx'], expectBody: null, followRedirects: true },
    },
  });
});

it.each([
  [{}, 'url'],
  [{ url: '/relative' }, 'url'],
  [{ url, method: 'CONNECT' }, 'method'],
  [{ url, method: 'get' }, 'method'],
  [{ url, headers: [] }, 'headers'],
  [{ url, headers: { a: 1 } }, 'headers'],
  [{ url, headers: { 'a b': '' } }, 'headers'],
  [{ url, headers: { a: 'x\r\nb: c' } }, 'headers'],
  [{ url, headers: { 'Transfer-Encoding': 'chunked' } }, 'headers'],
  [{ url, body: 'a' }, 'GET has no body'],
  [{ url, method: 'HEAD', body: 'a' }, 'HEAD has no body'],
  [{ url, expectStatus: 99 }, 'expectStatus'],
  [{ url, expectStatus: '2x' }, 'expectStatus'],
  [{ url, expectStatus: [] }, 'expectStatus'],
  [{ url, expectBody: 'a' }, 'expectBody'],
  [{ url, expectBody: {} }, 'expectBody'],
  [{ url, expectBody: { contains: 'a', jsonEquals: 1 } }, 'expectBody'],
  [{ url, followRedirects: 'no' }, 'followRedirects'],
])('%j is no http specification', (value, why) => {
  expect(readHttp(value)).toMatchObject({ kind: 'invalid', why: expect.stringContaining(why) });
});
