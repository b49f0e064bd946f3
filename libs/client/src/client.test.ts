import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import { type FakeGateway, startFakeGateway } from '../../../test/support/fake-gateway.js';
import { type Client, SubscriptionError, createClient } from './client.js';

const BOUND_MS = 5_000;
let fake: FakeGateway;
let client: Client;

beforeEach(async () => {
  fake = await startFakeGateway();
  client = createClient({ url: fake.url, key: 'the-key' });
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

async function failureOf(frames: AsyncIterableIterator<unknown>): Promise<SubscriptionError> {
  try {
    for await (const _ of frames);
  } catch (error) {
    expect(error).toBeInstanceOf(SubscriptionError);
    return error as SubscriptionError;
  }
  throw new Error('it ended without an error');
}

describe('a request', () => {
  test('carries document, variables and key, and gives the data', async () => {
    fake.answer = () => ({ data: { viewer: { name: 'x' } } });
    const answer = await client.request('query($a: Int) { viewer { name } }', { a: 1 });
    expect(answer).toEqual({ ok: true, value: { viewer: { name: 'x' } } });
    expect(fake.asked).toEqual([
      {
        query: 'query($a: Int) { viewer { name } }',
        variables: { a: 1 },
        authorization: 'Bearer the-key',
      },
    ]);
  });

  test('without a key sends none', async () => {
    await createClient({ url: fake.url }).request('{ a }');
    expect(fake.asked[0]?.authorization).toBeUndefined();
  });

  test('gives errors as values, with code, path and when to try again', async () => {
    const errors = [
      {
        message: 'Too many.',
        path: ['runs', 0],
        extensions: { code: 'OVERLOADED', retryAfter: 'PT1S' },
      },
      { message: 'Syntax.' },
    ];
    fake.answer = () => ({ data: { half: 1 }, errors });
    expect(await client.request('{ a }')).toEqual({
      ok: false,
      errors: [
        { code: 'OVERLOADED', message: 'Too many.', path: ['runs', 0], retryAfter: 'PT1S' },
        { code: 'GRAPHQL', message: 'Syntax.' },
      ],
    });
  });

  test.each([{}, { data: null }, { data: null, errors: [] }])('%j holds no data', async (body) => {
    fake.answer = () => body;
    const answer = await client.request('{ a }');
    expect(answer).toMatchObject({ ok: false, errors: [{ code: 'EMPTY' }] });
  });

  test('that nobody answers ends at its time-out', async () => {
    fake.answer = () => undefined;
    const hasty = createClient({ url: fake.url, timeoutMs: 50 });
    const began = performance.now();
    const answer = await hasty.request('{ a }');
    expect(performance.now() - began).toBeLessThan(BOUND_MS);
    expect(answer).toMatchObject({ ok: false, errors: [{ code: 'UNREACHABLE' }] });
    expect(fake.asked).toHaveLength(1);
  });

  test('to nobody, or to who speaks no JSON, is a value too and names the place', async () => {
    fake.answer = () => '<html>502</html>';
    const page = await client.request('{ a }');
    expect(page).toMatchObject({ errors: [{ code: 'NOT_GRAPHQL' }] });
    if (!page.ok) expect(page.errors[0]?.message).toContain('HTTP 200, "<html>502</html>"');
    await fake.stop();
    const gone = await client.request('{ a }');
    expect(gone).toMatchObject({ ok: false, errors: [{ code: 'UNREACHABLE' }] });
    if (!gone.ok) expect(gone.errors[0]?.message).toContain(fake.url);
  });
});

describe('a subscription', () => {
  test('gives every frame in order, and ends when the server ends it', async () => {
    fake.heard = (subscribed) => {
      for (const n of [1, 2, 3]) subscribed.next({ data: { n } });
      subscribed.complete();
    };
    const seen: unknown[] = [];
    for await (const frame of client.subscribe('subscription { n }', { a: 1 })) seen.push(frame);
    expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const [subscribed] = fake.subscribed;
    expect(subscribed?.init).toEqual({ authorization: 'Bearer the-key' });
    expect(subscribed?.variables).toEqual({ a: 1 });
  });

  test('that the server refuses, at once or in a frame, throws its code', async () => {
    const expired = { message: 'Too old.', extensions: { code: 'CURSOR_EXPIRED' } };
    fake.heard = (subscribed) => subscribed.refuse([expired]);
    const refused = await failureOf(client.subscribe('subscription { n }'));
    expect([refused.code, refused.message]).toEqual(['CURSOR_EXPIRED', 'Too old.']);
    fake.heard = (subscribed) => subscribed.next({ data: null, errors: [expired] });
    expect((await failureOf(client.subscribe('subscription { n }'))).code).toBe('CURSOR_EXPIRED');
  });

  test.each([
    [4401, 'UNAUTHENTICATED'],
    [4403, 'FORBIDDEN'],
    [4999, 'CLOSED'],
  ])('whose socket is closed with %i says %s', async (code, expected) => {
    fake.heard = ({ socket }) => socket.close(code, 'because');
    expect((await failureOf(client.subscribe('subscription { n }'))).code).toBe(expected);
  });

  test('that is dropped resumes after its last cursor, on a new connection', async () => {
    const events = [1, 2, 3, 4, 5];
    fake.heard = (subscribed) => {
      const after = Number(subscribed.variables['after'] ?? 0);
      const isFirst = fake.subscribed.length === 1;
      for (const n of events.slice(after, isFirst ? 2 : 5)) subscribed.next({ data: { n } });
      if (isFirst) subscribed.socket.close(1001, 'going away');
      else subscribed.complete();
    };
    const seen: number[] = [];
    const read = async (after: number | null): Promise<void> => {
      const frames = client.subscribe<{ n: number }>('subscription { n }', { after });
      for await (const { n } of frames) seen.push(n);
    };
    await expect(read(null)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(seen).toEqual([1, 2]);
    await read(seen.at(-1) ?? 0);
    expect(seen).toEqual(events);
    const [first, second] = fake.subscribed;
    expect(second?.variables).toEqual({ after: 2 });
    expect(second?.socket).not.toBe(first?.socket);
  });

  test('that is cut without a word says so', async () => {
    fake.heard = () => fake.drop();
    expect((await failureOf(client.subscribe('subscription { n }'))).code).toBe('CLOSED');
  });

  test('shares its socket, is told off alone, and leaves no socket after close', async () => {
    fake.heard = (subscribed) => subscribed.next({ data: { n: 1 } });
    const [one, two] = [
      client.subscribe('subscription { n }'),
      client.subscribe('subscription { n }'),
    ];
    expect((await one.next()).value).toEqual({ n: 1 });
    expect((await two.next()).value).toEqual({ n: 1 });
    expect(fake.sockets.size).toBe(1);
    await one.return?.();
    await until(() => fake.subscribed.some(({ ended }) => ended), BOUND_MS);
    expect(fake.subscribed.map(({ ended }) => ended)).toEqual([true, false]);
    await client.close();
    await until(() => fake.sockets.size === 0, BOUND_MS);
    await client.close();
  });
});
