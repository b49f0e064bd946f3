import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import type { Ending } from '#core';
import { RunnerBench } from '../../testkit/attempts.js';
import { TestServer } from '../../testkit/http-server.js';
import { retryAfter } from './result.js';

const BOUND_MS = 5_000;
const KIB = 1_024;
let server: TestServer;
let bench: RunnerBench;

beforeEach(async () => {
  server = await TestServer.start();
  bench = new RunnerBench({}, 1, { allow: [server.place] });
});

afterEach(async () => {
  bench.close();
  await server.close();
});

const at = (path: string): string => `http://${server.place}${path}`;
const resultOf = ({ result }: Ending): Record<string, unknown> =>
  JSON.parse(result ?? '') as Record<string, unknown>;

describe('an http attempt', () => {
  it('asks, and keeps status, headers and body', async () => {
    server.answer((_seen, response) =>
      response
        .writeHead(200, { 'content-type': 'text/plain', 'x-mine': 'a', 'set-cookie': 'id=secret' })
        .end('grüezi'),
    );
    const ending = await bench.http(at('/hello?token=hush#part'));
    expect(ending).toMatchObject({ outcome: 'SUCCEEDED', error: null });
    expect(resultOf(ending)).toMatchObject({
      ...{ status: 200, body: 'grüezi', truncated: false },
      headers: { 'content-type': 'text/plain', 'x-mine': 'a' },
    });
    expect(ending.result).not.toContain('secret');
    expect(server.seen).toMatchObject([
      {
        ...{ method: 'GET', path: '/hello?token=hush', body: '' },
        headers: { host: server.place, 'user-agent': 'orrery/test', 'idempotency-key': 'run-1/1' },
      },
    ]);
    expect(bench.started).toEqual(['run-1']);
    const line = `GET http://${server.place}/hello?…: 200 in `;
    expect(bench.logOf('run-1', 'log').replace(/\d+ ms\n$/, '')).toBe(line);
  });

  it.each([
    ['POST', 'a text', 'a text', 'text/plain; charset=utf-8'],
    ['PUT', { a: [1, null] }, '{"a":[1,null]}', 'application/json'],
    ['DELETE', [1], '[1]', 'application/json'],
    ['PATCH', false, 'false', 'application/json'],
  ])('%s %j', async (method, body, sent, type) => {
    await bench.http(at('/'), { method, body });
    expect(server.seen).toMatchObject([
      { method, body: sent, headers: { 'content-type': type, 'content-length': `${sent.length}` } },
    ]);
  });

  it('keeps each digit of a number in both bodies', async () => {
    server.answer(({ body }, response) => response.end(body));
    const echo = (sent: string, expected: string): Promise<Ending> => {
      const spec = `{"kind":"http","url":"${at('/')}","method":"POST","body":{"n":${sent}},
        "expectBody":{"jsonEquals":{"n":${expected}}}}`;
      return bench.http(at('/'), {}, { spec });
    };
    const same = await echo('12345678901234567890', '12345678901234567890');
    expect(same).toMatchObject({ outcome: 'SUCCEEDED' });
    expect(server.seen[0]?.body).toBe('{"n":12345678901234567890}');
    const other = await echo('12345678901234567890', '12345678901234567891');
    expect(other.error).toMatchObject({ class: 'HTTP_BODY' });
  });

  it("lets the job's headers win over its own", async () => {
    const headers = { 'User-Agent': 'mine', 'Idempotency-Key': 'k', 'Content-Type': 'a/b', x: 'y' };
    await bench.http(at('/'), { method: 'POST', body: {}, headers });
    expect(server.seen[0]?.headers).toMatchObject({
      ...{ 'user-agent': 'mine', 'idempotency-key': 'k', 'content-type': 'a/b', x: 'y' },
    });
  });

  it('signs in with the credentials of its URL, which stand nowhere else', async () => {
    server.answer((_seen, response) => response.writeHead(401).end());
    const ending = await bench.http(`http://ada:p%40ss@${server.place}/`);
    const basic = `Basic ${Buffer.from('ada:p@ss').toString('base64')}`;
    expect(server.seen[0]?.headers.authorization).toBe(basic);
    expect(`${bench.logOf('run-1', 'log')}${JSON.stringify(ending)}`).not.toMatch(/ada|p(@|%40)ss/);
  });
});

describe('what is expected of the answer', () => {
  const answers = (status: number, body: string): void =>
    server.answer((_seen, response) => response.writeHead(status).end(body));

  it.each([
    [200, undefined, true],
    [299, undefined, true],
    [404, undefined, false],
    [302, undefined, false],
    [404, 404, true],
    [200, 404, false],
    [503, '5xx', true],
    [200, '5xx', false],
    [418, [200, 418, '5xx'], true],
    [501, [200, 418, '5xx'], true],
    [201, [200, 418, '5xx'], false],
  ])('%i when %j is expected: %s', async (status, expectStatus, isGood) => {
    answers(status, 'b');
    const ending = await bench.http(at('/'), { expectStatus });
    expect(ending.outcome).toBe(isGood ? 'SUCCEEDED' : 'FAILED');
    expect(resultOf(ending)).toMatchObject({ status, body: 'b' });
    if (!isGood) expect(ending.error).toMatchObject({ class: 'HTTP_STATUS', code: `${status}` });
  });

  it.each([
    ['all is well', { contains: 'is we' }, true],
    ['all is well', { contains: 'is bad' }, false],
    ['{"b":[1,2],"a":null}', { jsonEquals: { a: null, b: [1, 2] } }, true],
    ['{"b":[2,1],"a":null}', { jsonEquals: { a: null, b: [1, 2] } }, false],
    ['{"a":null,"c":1}', { jsonEquals: { a: null } }, false],
    ['null', { jsonEquals: null }, true],
    ['nil', { jsonEquals: null }, false],
  ])('%j when %j is expected: %s', async (body, expectBody, isGood) => {
    answers(200, body);
    const ending = await bench.http(at('/'), { expectBody });
    expect(ending.outcome).toBe(isGood ? 'SUCCEEDED' : 'FAILED');
    expect(resultOf(ending)).toMatchObject({ status: 200, body });
    if (!isGood) expect(ending.error).toMatchObject({ class: 'HTTP_BODY', code: null });
  });

  it('is found out quickly, also of a body that is made to be slow', async () => {
    answers(200, `1234567890123456${'\\"'.repeat(32 * KIB - 8)}`);
    const began = performance.now();
    const ending = await bench.http(at('/'), { expectBody: { jsonEquals: 1 } });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(ending.error).toMatchObject({ class: 'HTTP_BODY', message: 'the body is no JSON' });
  });

  it.each([
    [503, '7', 7_000],
    [429, '0', 0],
    [503, 'soon', null],
    [500, '7', null],
  ])('5.2: %i says Retry-After: %s, and is tried again after %j ms', async (...given) => {
    const [status, value, retryMs] = given;
    server.answer((_seen, response) => response.writeHead(status, { 'retry-after': value }).end());
    expect((await bench.http(at('/'))).error).toMatchObject({ code: `${status}`, retryMs });
  });

  it('5.2: Retry-After may be a date', () => {
    const headers = { 'retry-after': 'Sat, 21 Nov 2026 12:00:10 GMT' };
    const now = Date.UTC(2026, 10, 21, 12);
    expect(retryAfter(503, { headers }, now)).toBe(10_000);
    expect(retryAfter(503, { headers }, now + 60_000)).toBe(0);
  });

  it('the status comes before the body', async () => {
    answers(500, 'x');
    const ending = await bench.http(at('/'), { expectBody: { contains: 'y' } });
    expect(ending.error).toMatchObject({ class: 'HTTP_STATUS', code: '500' });
  });
});

describe('the bound of the body', () => {
  it('is 64 KiB, and not a byte less', async () => {
    server.answer((_seen, response) => response.end('x'.repeat(64 * KIB)));
    const result = resultOf(await bench.http(at('/')));
    expect(result).toMatchObject({ truncated: false, body: 'x'.repeat(64 * KIB) });
  });

  it('ends the reading of a body without an end, and its connection', async () => {
    server.answer((_seen, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(KIB)));
      };
      response.on('drain', more);
      more();
    });
    const ending = await bench.http(at('/'), { expectBody: { jsonEquals: 'x' } });
    expect(resultOf(ending)).toMatchObject({ truncated: true, body: 'x'.repeat(64 * KIB) });
    expect(ending.error).toMatchObject({
      class: 'HTTP_BODY',
      message: expect.stringMatching(/too long/) as string,
    });
    await until(() => server.open.size === 0, BOUND_MS);
  });

  it('cuts between characters', async () => {
    server.answer((_seen, response) => response.end(`a${'ü'.repeat(40 * KIB)}`));
    const result = resultOf(await bench.http(at('/')));
    expect(result).toMatchObject({ truncated: true, body: `a${'ü'.repeat(32 * KIB - 1)}` });
  });

  it.each([0, 0xff, 0x22])('holds for what JSON writes at length: %i', async (byte) => {
    server.answer((_seen, response) => response.end(Buffer.alloc(64 * KIB, byte)));
    const ending = await bench.http(at('/'));
    expect(ending.outcome).toBe('SUCCEEDED');
    const { body, truncated } = resultOf(ending);
    expect(String(body).length).toBeGreaterThan(20 * KIB);
    expect(truncated).toBe(String(body).length < 64 * KIB);
  });
});

describe('a connection that fails', () => {
  it('is told with its code', async () => {
    const gone = await TestServer.start();
    const { place } = gone;
    await gone.close();
    bench.close();
    bench = new RunnerBench({}, 1, { allow: [place] });
    const ending = await bench.http(`http://${place}/`);
    expect(ending).toMatchObject({ outcome: 'FAILED', result: null });
    expect(ending.error).toMatchObject({ class: 'HTTP_CONNECTION', code: 'ECONNREFUSED' });
    expect(bench.logOf('run-1', 'log')).toMatch(/^GET http:\S+ ECONNREFUSED after \d+ ms\n$/);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no HTTP', 'SSH-2.0-x\r\n'],
    ['an upgrade', 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a head too large', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(20 * KIB)}\r\n\r\n`],
  ])('is HTTP_CONNECTION when there comes %s', async (_what, answer) => {
    server.answer((_seen, response) => response.socket?.end(answer));
    const ending = await bench.http(at('/'));
    expect(ending).toMatchObject({ outcome: 'FAILED', error: { class: 'HTTP_CONNECTION' } });
  });

  it('is one that was reset when the body is cut short', async () => {
    server.answer((_seen, response) => {
      response.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
    });
    const ending = await bench.http(at('/'));
    expect(ending.error).toMatchObject({ class: 'HTTP_CONNECTION', code: 'ECONNRESET' });
  });

  it('is also one that should be secure and is not', async () => {
    const ending = await bench.http(`https://${server.place}/`);
    expect(ending).toMatchObject({ outcome: 'FAILED', error: { class: 'HTTP_CONNECTION' } });
    expect(server.seen).toEqual([]);
  });
});

describe('the end of an http attempt', () => {
  const silences: readonly [string, string][] = [
    ['says nothing', ''],
    ['stops in its head', 'HTTP/1.1 200 OK\r\nX-'],
    ['stops in its body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ];

  it.each(silences)('a time-out cuts off a server that %s', async (_what, answer) => {
    server.answer((_seen, response) => response.socket?.write(answer));
    const work = { timeoutMs: 100, graceMs: 60_000 };
    const ending = await bench.http(at('/'), {}, work);
    expect(ending).toMatchObject({ outcome: 'TIMED_OUT', result: null });
    await until(() => server.open.size === 0, BOUND_MS);
  });

  it.each(silences)('a cancel cuts off a server that %s', async (_what, answer) => {
    server.answer((_seen, response) => response.socket?.write(answer));
    const token = bench.start('r', { kind: 'http', url: at('/') });
    await until(() => server.seen.length === 1, BOUND_MS);
    bench.attempts.stop(token, 60_000, 'enough');
    expect(await bench.ended('r')).toMatchObject({ outcome: 'CANCELLED' });
    await until(() => server.open.size === 0, BOUND_MS);
  });

  it('does not wait for a name that is never resolved', async () => {
    bench.close();
    let asked = 0;
    const resolve = (): Promise<never> => {
      asked += 1;
      return new Promise(() => undefined);
    };
    bench = new RunnerBench({}, 1, { resolve });
    const token = bench.start('r', { kind: 'http', url: 'http://never.test/' });
    await until(() => asked === 1, BOUND_MS);
    bench.attempts.stop(token, 60_000, 'enough');
    expect(await bench.ended('r')).toMatchObject({ outcome: 'CANCELLED' });
  });
});
