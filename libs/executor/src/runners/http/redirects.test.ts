import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunnerBench } from '../../testkit/attempts.js';
import { TestServer, redirecting } from '../../testkit/http-server.js';

let server: TestServer;
/** Of another origin. */
let other: TestServer;
let bench: RunnerBench;

beforeEach(async () => {
  [server, other] = await Promise.all([TestServer.start(), TestServer.start()]);
  bench = new RunnerBench({}, 1, { allow: [server.place, other.place] });
});

afterEach(async () => {
  bench.close();
  await Promise.all([server.close(), other.close()]);
});

const at = (path: string): string => `http://${server.place}${path}`;
const chain = (length: number): string[] => Array.from({ length }, (_, n) => `/${n + 1}`);

describe('a redirect', () => {
  it('is followed five times, and not six', async () => {
    server.answer(redirecting(302, ...chain(5)));
    const five = await bench.http(at('/0'));
    expect(JSON.parse(five.result ?? '')).toMatchObject({ status: 200, body: 'end' });
    expect(bench.logOf('run-1', 'log').split('\n').length).toBe(7);
    expect(server.seen.length).toBe(6);
    server.answer(redirecting(302, ...chain(6)));
    const six = await bench.http(at('/0'));
    expect(six.error).toMatchObject({ class: 'HTTP_CONNECTION', code: 'TOO_MANY_REDIRECTS' });
    expect(server.seen.length).toBe(12);
  });

  it('is an answer like any other when none are followed or it leads to no place', async () => {
    server.answer(redirecting(302, '/1'));
    const more = { followRedirects: false, expectStatus: 302 };
    const ending = await bench.http(at('/0'), more);
    expect(ending.outcome).toBe('SUCCEEDED');
    expect(JSON.parse(ending.result ?? '')).toMatchObject({
      ...{ status: 302, body: 'moved', headers: { location: '/1' } },
    });
    server.answer((_seen, response) => response.writeHead(304).end());
    expect((await bench.http(at('/0'))).error).toMatchObject({ class: 'HTTP_STATUS', code: '304' });
    server.answer(redirecting(302, 'http://'));
    expect((await bench.http(at('/0'))).error).toMatchObject({ class: 'HTTP_CONNECTION' });
  });

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [302, 'PUT', 'PUT'],
    [307, 'POST', 'POST'],
    [308, 'DELETE', 'DELETE'],
  ])('%i of a %s goes on as a %s', async (status, method, then) => {
    server.answer(redirecting(status, '/1'));
    await bench.http(at('/0'), { method, body: { a: 1 }, headers: { 'Content-Language': 'de' } });
    const kept = then === 'GET' ? '' : '{"a":1}';
    const { headers, ...second } = server.seen[1] ?? { headers: {} };
    expect(second).toEqual({ method: then, path: '/1', body: kept });
    expect('content-language' in headers).toBe(then !== 'GET');
    expect('content-type' in headers).toBe(then !== 'GET');
  });

  const PERSONAL = { Authorization: 'Bearer t', Cookie: 'a=b', 'Proxy-Authorization': 'c' };

  it('takes what is personal along within its origin, and to no other', async () => {
    const headers = { ...PERSONAL, 'X-Plain': 'y', Host: 'named.test' };
    server.answer(redirecting(307, '/1', `http://eve:pw@${other.place}/2`));
    other.answer(redirecting(307, '', '', at('/3')));
    await bench.http(at('/0'), { headers });
    const within = { authorization: 'Bearer t', cookie: 'a=b', host: 'named.test' };
    expect(server.seen[1]?.headers).toMatchObject(within);
    // Nor does it come back from there, and what the answer's own URL says is nobody's credential.
    for (const seen of [other.seen[0], server.seen[2]]) {
      expect(seen?.headers).toMatchObject({ 'x-plain': 'y', 'idempotency-key': 'run-1/1' });
      for (const name of Object.keys(PERSONAL)) {
        expect(seen?.headers).not.toHaveProperty(name.toLowerCase());
      }
    }
    expect(other.seen[0]?.headers.host).toBe(other.place);
  });

  it("nor are the URL's own credentials", async () => {
    server.answer(redirecting(302, '/1', `http://${other.place}/`));
    await bench.http(`http://ada:pw@${server.place}/0`);
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
      expect.stringMatching(/^Basic /),
      expect.stringMatching(/^Basic /),
    ]);
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('to a place that is refused stops there', async () => {
    bench.close();
    bench = new RunnerBench({}, 1, { allow: [server.place] });
    const port = String(other.port);
    const places = [
      ...[`http://${other.place}/`, `http://localhost.:${port}/`, `//0x7f.1:${port}/`],
      ...[`http://[::ffff:127.0.0.1]:${port}/`, 'ftp://8.8.8.8/', 'file:///etc/passwd'],
      ...['http://169.254.169.254/latest/meta-data/', 'http://2130706433:1/'],
    ];
    for (const location of places) {
      server.answer(redirecting(302, location));
      const { error, result } = await bench.http(at('/0'));
      expect([error?.class, result], location).toEqual(['HTTP_REFUSED', null]);
    }
    expect(other.connections).toBe(0);
    expect(server.connections).toBe(places.length);
  });
});

describe('a name', () => {
  const resolving = (answers: readonly string[][], ...allow: readonly string[]): string[] => {
    const asked: string[] = [];
    bench.close();
    const resolve = async (host: string): Promise<readonly string[]> => {
      asked.push(host);
      return answers[asked.length - 1] ?? [];
    };
    bench = new RunnerBench({}, 1, { allow, resolve });
    return asked;
  };

  it('that leads to an inner address is refused, and nothing connects', async () => {
    resolving([['127.0.0.1'], ['::ffff:127.0.0.1', '10.0.0.1']], 'b.test');
    for (const host of ['a.test', 'a.test']) {
      const ending = await bench.http(`http://${host}:${server.port}/`);
      expect(ending.error).toMatchObject({ class: 'HTTP_REFUSED' });
    }
    expect(server.connections).toBe(0);
  });

  it('that is allowed leads where it leads', async () => {
    resolving([['127.0.0.1']], `a.test:${server.port}`);
    const ending = await bench.http(`http://a.test:${server.port}/`);
    expect(ending.outcome).toBe('SUCCEEDED');
    expect(server.seen[0]?.headers.host).toBe(`a.test:${server.port}`);
  });

  it('that changes its mind is judged by what is connected to', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2', '169.254.169.254']];
    const asked = resolving(answers, server.place);
    server.answer(redirecting(302, '/1'));
    const ending = await bench.http(`http://a.test:${server.port}/0`);
    expect(ending.error).toMatchObject({ class: 'HTTP_REFUSED' });
    // Once a connection: there is no second answer that could differ from the judged one.
    expect(asked).toEqual(['a.test', 'a.test']);
    expect(server.seen.length).toBe(1);
  });

  it('that nobody knows is a connection that failed', async () => {
    const ending = await bench.http('http://nobody.test/');
    expect(ending.error).toMatchObject({
      class: 'HTTP_CONNECTION',
      message: expect.stringMatching(/no names in tests/) as string,
    });
  });
});
