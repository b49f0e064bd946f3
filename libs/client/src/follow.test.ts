import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import {
  type FakeGateway,
  type Subscribed,
  startFakeGateway,
} from '../../../test/support/fake-gateway.js';
import { type Client, createClient } from './client.js';
import type { RequestError, Result } from './result.js';
import { type TestWeather, testWeather } from './testkit/weather.js';

const BOUND_MS = 5_000;
const EVENTS = 'subscription($after: Cursor) { runEvents(after: $after) { cursor n } }';
const STATE = 'subscription { runChanged { state } }';
interface Told {
  readonly runEvents: { readonly cursor: string; readonly n: number };
}

let fake: FakeGateway;
let weather: TestWeather;
let client: Client;

beforeEach(async () => {
  fake = await startFakeGateway();
  weather = testWeather();
  client = createClient({ url: fake.url, key: 'the-key', weather, framesMax: 4 });
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

const frame = (n: number): object => ({ data: { runEvents: { cursor: `c${n}`, n } } });
const expired = {
  message: 'Too old.',
  extensions: { code: 'CURSOR_EXPIRED', oldest: 'c7' },
};
/** A server that holds `count` events and plays from the cursor on; then it does as it is told. */
function serve(count: number, then: (subscribed: Subscribed, nth: number) => void, page = 2): void {
  fake.heard = (subscribed) => {
    const from = Number(((subscribed.variables['after'] ?? 'c0') as string).slice(1));
    const to = Math.min(count, from + page);
    for (let n = from + 1; n <= to; n++) subscribed.next(frame(n));
    then(subscribed, fake.subscribed.length);
  };
}
async function take(count: number): Promise<{ seen: number[]; last: readonly RequestError[] }> {
  const seen: number[] = [];
  for await (const step of client.follow<Told>(EVENTS)) {
    if (!step.ok) return { seen, last: step.errors };
    seen.push(step.value.runEvents.n);
    if (seen.length === count) break;
  }
  return { seen, last: [] };
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('what is followed', () => {
  test.each<readonly [string, (subscribed: Subscribed) => void]>([
    ['a cut', ({ socket }) => socket.terminate()],
    ['a gateway that goes away', ({ socket }) => socket.close(1001, 'Going away')],
    ['a normal closure', ({ socket }) => socket.close(1000)],
    ['a defect of the server', ({ socket }) => socket.close(4500)],
    ['try again later', ({ socket }) => socket.close(1013)],
    ['an end that nobody has asked for', (subscribed) => subscribed.complete()],
    [
      'a reader that the server calls slow',
      (subscribed) => subscribed.refuse([{ message: 's', extensions: { code: 'SLOW_CONSUMER' } }]),
    ],
    [
      'a database that is away, said in a frame',
      (subscribed) =>
        subscribed.next({ errors: [{ message: 'd', extensions: { code: 'UNAVAILABLE' } }] }),
    ],
  ])('goes on after %s: none is missed and none comes twice', async (_name, interrupt) => {
    serve(10, interrupt);
    expect(await take(10)).toEqual({ seen: upTo(10), last: [] });
    const afters = fake.subscribed.map(({ variables }) => variables['after']);
    expect(afters).toEqual([undefined, 'c2', 'c4', 'c6', 'c8']);
  });

  test('is told where to go on before its first frame was read', async () => {
    serve(
      3,
      (subscribed, nth) => {
        if (nth > 1) return;
        const extensions = { code: 'SLOW_CONSUMER', resume: 'c1' };
        subscribed.refuse([{ message: 'slow', extensions }]);
      },
      0,
    );
    const read = client.follow<Told>(EVENTS).next();
    await until(() => fake.subscribed.length === 2, BOUND_MS);
    expect(fake.subscribed[1]?.variables['after']).toBe('c1');
    fake.subscribed[1]?.next(frame(2));
    expect(await read).toMatchObject({ value: { ok: true, value: { runEvents: { n: 2 } } } });
  });

  test('puts a server off that is faster than its reader, and keeps only a few', async () => {
    serve(40, () => undefined, 40);
    expect(await take(40)).toEqual({ seen: upTo(40), last: [] });
    // Four are kept each time: the fifth and all behind it are asked for again.
    const afters = fake.subscribed.map(({ variables }) => variables['after']);
    expect(afters).toEqual([undefined, ...upTo(9).map((n) => `c${4 * n}`)]);
  });

  test('begins anew without a cursor, and does not tell the same state twice', async () => {
    const states = [['READY', 'RUNNING'], ['RUNNING', 'SUCCEEDED'], ['RUNNING']];
    fake.heard = (subscribed) => {
      const told = states[fake.subscribed.length - 1] ?? [];
      for (const state of told) subscribed.next({ data: { runChanged: { state } } });
      subscribed.socket.terminate();
    };
    const seen: string[] = [];
    for await (const step of client.follow<{ runChanged: { state: string } }>(STATE)) {
      if (!step.ok) break;
      seen.push(step.value.runChanged.state);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual(['READY', 'RUNNING', 'SUCCEEDED', 'RUNNING']);
  });

  test('backs off while nobody answers, to a bound, and begins low again', async () => {
    serve(
      4,
      ({ socket }, nth) => {
        if (nth !== 12) socket.terminate();
      },
      0,
    );
    const frames = client.follow<Told>(EVENTS);
    const read = frames.next();
    await until(() => fake.subscribed.length === 12, BOUND_MS);
    expect(weather.waited.slice(0, 8)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    fake.subscribed[11]?.next(frame(1));
    await read;
    weather.waited.length = 0;
    fake.drop();
    const more = frames.next();
    await until(() => weather.waited.length > 0, BOUND_MS);
    expect(weather.waited[0]).toBe(100);
    await frames.return?.();
    expect(await more).toEqual({ done: true, value: undefined });
  });
});

describe('the end', () => {
  const cases: readonly (readonly [string, (subscribed: Subscribed) => void, RegExp])[] = [
    ['CURSOR_EXPIRED', (subscribed) => subscribed.refuse([expired]), /`oldest`/],
    ['CURSOR_EXPIRED', (subscribed) => subscribed.next({ errors: [expired] }), /Read anew/],
    ['FORBIDDEN', ({ socket }) => socket.close(4403), /new one/],
    ['UNAUTHENTICATED', ({ socket }) => socket.close(4401), /valid API key/],
    [
      'NOT_FOUND',
      (subscribed) => subscribed.refuse([{ message: 'No.', extensions: { code: 'NOT_FOUND' } }]),
      /may see its project/,
    ],
  ];
  test.each(cases)('%s is a value, the last one, and names what to do', async (code, end, hint) => {
    serve(2, end);
    const { seen, last } = await take(3);
    expect(seen).toEqual([1, 2]);
    expect(last).toHaveLength(1);
    expect(last[0]?.code).toBe(code);
    expect(last[0]?.hint).toMatch(hint);
    if (code === 'CURSOR_EXPIRED') expect(last[0]?.oldest).toBe('c7');
    expect(fake.subscribed).toHaveLength(1);
  });

  test('is the end of the loop as well, and of the socket', async () => {
    serve(1, ({ socket }) => socket.close(4403));
    const frames = client.follow<Told>(EVENTS);
    const steps: Result<Told>[] = [];
    for await (const step of frames) steps.push(step);
    expect(steps.map(({ ok }) => ok)).toEqual([true, false]);
    expect(await frames.next()).toEqual({ done: true, value: undefined });
    await until(() => fake.sockets.size === 0, BOUND_MS);
  });

  test('that the server says is one if it is so when asked, else an interruption', async () => {
    const lost: string[] = [];
    let isOver = false;
    serve(4, (subscribed) => subscribed.complete());
    const seen: number[] = [];
    const options = {
      interrupted: ({ code }: RequestError) => lost.push(code),
      isOver: async () => await Promise.resolve(isOver),
    };
    for await (const step of client.follow<Told>(EVENTS, {}, options)) {
      if (!step.ok) throw new Error(step.errors[0]?.code);
      seen.push(step.value.runEvents.n);
      isOver = seen.length === 4;
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(lost).toEqual(['CLOSED']);
  });

  test('comes after so long without a connection where that is said', async () => {
    await fake.stop();
    const steps: Result<Told>[] = [];
    for await (const step of client.follow<Told>(EVENTS, {}, { withinMs: 1_000 })) steps.push(step);
    expect(steps).toMatchObject([{ ok: false, errors: [{ code: 'UNREACHABLE' }] }]);
    expect(weather.waited).toEqual([100, 200, 400]);
  });

  test('comes at once when nobody is there at first, where that is said', async () => {
    const told: string[] = [];
    const options = {
      mustAnswer: true,
      connected: () => told.push('connected'),
      interrupted: ({ code }: RequestError) => told.push(code),
    };
    serve(4, ({ socket }) => socket.terminate());
    const seen: number[] = [];
    const frames = client.follow<Told>(EVENTS, {}, options);
    for await (const step of frames) {
      if (!step.ok) throw new Error(step.errors[0]?.message);
      seen.push(step.value.runEvents.n);
      if (seen.length === 4) break;
    }
    expect(told).toEqual(['connected', 'CLOSED', 'connected']);
    await fake.stop();
    const fresh = createClient({ url: fake.url, weather });
    const steps: Result<Told>[] = [];
    for await (const step of fresh.follow<Told>(EVENTS, {}, options)) steps.push(step);
    const error = { code: 'UNREACHABLE', errno: 'ECONNREFUSED' };
    expect(steps).toMatchObject([{ ok: false, errors: [error] }]);
    await fresh.close();
    expect(told).toHaveLength(3);
  });

  test('comes at once to who leaves while it waits, and tells the server', async () => {
    serve(0, () => undefined);
    const frames = client.follow<Told>(EVENTS);
    const read = frames.next();
    await until(() => fake.subscribed.length === 1, BOUND_MS);
    await frames.return?.();
    expect(await read).toEqual({ done: true, value: undefined });
    await until(() => fake.subscribed[0]?.ended === true || fake.sockets.size === 0, BOUND_MS);
    const again = client.follow<Told>(EVENTS).next();
    await until(() => fake.subscribed.length === 2, BOUND_MS);
    await client.close();
    expect(await again).toEqual({ done: true, value: undefined });
  });

  test('a document that takes a cursor and asks for none is a mistake', async () => {
    fake.heard = (subscribed) => subscribed.next({ data: { runEvents: { n: 1 } } });
    const document = 'subscription($after: Cursor) { runEvents(after: $after) { n } }';
    await expect(client.follow(document).next()).rejects.toThrow(/must ask for `cursor`/);
  });

  test('big integers keep their digits', async () => {
    fake.heard = (subscribed) => {
      const { socket } = subscribed;
      const send = socket.send.bind(socket);
      socket.send = (text: unknown) => send(String(text).replace('"BIG"', '9007199254740993'));
      subscribed.next({ data: { n: 'BIG' } });
    };
    const { value } = await client.follow<{ n: bigint }>('subscription { n }').next();
    expect(value).toEqual({ ok: true, value: { n: 9007199254740993n } });
  });
});
