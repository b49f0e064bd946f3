import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type Answer, type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { bearer, connect, first, listen } from '../../testkit/socket.js';

const RATE = 10;
const SUBSCRIPTIONS = 3;
let database: TestDatabase;
/** Slow enough to be refused, and without a limit of operations. */
let slow: TestGateway;
let wide: TestGateway;
const clients: Client[] = [];
beforeAll(async () => {
  database = await startTestDatabase(4);
  const { url } = database;
  slow = await startTestGateway({ url, settings: { ORRERY_RATE_LIMIT: String(RATE) } });
  const settings = { ORRERY_SUBSCRIPTIONS_MAX: String(SUBSCRIPTIONS) };
  wide = await startTestGateway({ url, settings });
});
afterAll(async () => {
  for (const client of clients) await client.dispose();
  await Promise.all([slow.stop(), wide.stop()]);
  await database.stop();
});

const CREATE_KEY = `mutation {
  createApiKey(input: { name: "k", projects: ["demo"], role: VIEWER }) {
  key } }`;
const newKey = async (): Promise<string> => (await wide.get<{ key: string }>(CREATE_KEY)).key;
function open(url: string, key: string): Client {
  const client = connect(url, bearer(key));
  clients.push(client);
  return client;
}
const refusalOf = ({ errors }: Answer): unknown => errors?.[0]?.extensions;
/** Names for as many operations in one document. */
const many = (count: number): string =>
  `{ ${Array.from({ length: count }, (_, i) => `a${i}: viewer { id }`).join(' ')} }`;
const seconds = (retryAfter: unknown): number => {
  const [, s = '0', , ms = '0'] = /^(?:(\d+)s)?((\d+)ms)?$/.exec(String(retryAfter)) ?? [];
  return Number(s) + Number(ms) / 1_000;
};

describe('a key that asks too often', () => {
  it('is refused with RATE_LIMITED and told when to come back, over HTTP and sockets', async () => {
    const url = await listen(slow);
    const key = await newKey();
    // Forty names at a rate of ten: let in at once, and paid for in the next three seconds.
    expect(refusalOf(await slow.ask(many(4 * RATE), {}, key))).toBeUndefined();
    const answers = [
      await slow.ask('{ viewer { id } }', {}, key),
      await slow.ask('{ nonsense', {}, key),
      await first(open(url, key), '{ viewer { id } }'),
      await first(open(url, key), 'subscription { runEvents(project: "demo") { cursor } }'),
    ];
    for (const answer of answers) {
      expect(answer.data ?? null).toBeNull();
      const told = refusalOf(answer) as { code: string; retryAfter: string };
      expect(told.code).toBe('RATE_LIMITED');
      expect(seconds(told.retryAfter)).toBeGreaterThan(0);
      expect(seconds(told.retryAfter)).toBeLessThan(4);
    }
    const response = await slow.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
      },
      payload: '{}',
    });
    expect(response.statusCode).toBe(429);
    // It is the key that has to wait, and nobody else.
    expect(refusalOf(await slow.ask('{ viewer { id } }', {}, await newKey()))).toBeUndefined();
  });

  it('pays over a socket for what it asks over HTTP', async () => {
    const key = await newKey();
    const { app } = slow;
    const { port } = app.getHttpServer().address() as { port: number };
    const client = open(`ws://127.0.0.1:${port}/graphql`, key);
    expect(refusalOf(await first(client, many(4 * RATE)))).toBeUndefined();
    expect(refusalOf(await slow.ask('{ viewer { id } }', {}, key))).toMatchObject({
      code: 'RATE_LIMITED',
    });
  });

  it('has no limit unless one is set', async () => {
    const key = await newKey();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => wide.ask(many(50), {}, key)),
    );
    expect(answers.map(refusalOf)).toEqual(answers.map(() => undefined));
  });
});

describe('subscriptions of a key', () => {
  const FOLLOW = 'subscription { runEvents(project: "demo") { cursor } }';
  interface Followed {
    readonly refusal: unknown;
    readonly end: () => void;
  }
  const follow = (client: Client): Promise<Followed> =>
    new Promise((resolve) => {
      const end = client.subscribe(
        { query: FOLLOW },
        {
          next: (result) => resolve({ refusal: result.errors?.[0]?.extensions, end: () => end() }),
          error: () => undefined,
          complete: () => undefined,
        },
      );
    });
  const limited = { code: 'COMPLEXITY_EXCEEDED', limit: 'subscriptions', max: SUBSCRIPTIONS };
  /** The server hears a little later that a place is free. */
  async function followSoon(client: Client): Promise<Followed> {
    for (let tries = 0; tries < 500; tries++) {
      const followed = await follow(client);
      if (followed.refusal === undefined) return followed;
    }
    throw new Error('no place was given back');
  }

  it('are bounded over all of its sockets, and each that ends makes room', async () => {
    const url = await listen(wide);
    const key = await newKey();
    const [one, two] = [open(url, key), open(url, key)];
    const followed = [await follow(one), await follow(one), await follow(two)];
    expect(followed.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined]);
    expect((await follow(two)).refusal).toEqual(limited);
    expect((await follow(open(url, await newKey()))).refusal).toBeUndefined();
    // By its subscriber, by its socket; queries and refused ones need no place.
    followed[0]?.end();
    await followSoon(two);
    expect((await follow(one)).refusal).toEqual(limited);
    await one.dispose();
    await followSoon(two);
    expect((await follow(two)).refusal).toEqual(limited);
    expect(refusalOf(await first(two, '{ viewer { id } }'))).toBeUndefined();
  });

  it('that are refused give their place back', async () => {
    const key = await newKey();
    const { port } = wide.app.getHttpServer().address() as { port: number };
    const client = open(`ws://127.0.0.1:${port}/graphql`, key);
    const nowhere = 'subscription { runEvents(project: "nowhere") { cursor } }';
    for (let i = 0; i <= SUBSCRIPTIONS; i++) {
      expect(refusalOf(await first(client, nowhere))).toEqual({ code: 'NOT_FOUND' });
    }
    expect((await follow(client)).refusal).toBeUndefined();
  });
});
