import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getIntrospectionQuery } from 'graphql';
import type { Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type Answer, type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { bearer, connect, first, listen } from '../../testkit/socket.js';

let database: TestDatabase;
let gateway: TestGateway;
let client: Client;
let url: string;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  url = await listen(gateway);
  client = connect(url, bearer(gateway.key));
});
afterAll(async () => {
  await client.dispose();
  await gateway.stop();
  await database.stop();
});

type Ask = (query: string, variables?: object) => Promise<Answer>;
/** The same documents, limits and errors, whichever way they come. */
const TRANSPORTS: readonly (readonly [string, Ask])[] = [
  ['HTTP', (query, variables) => gateway.ask(query, { ...variables })],
  ['a socket', (query, variables) => first(client, query, variables)],
];

describe.each(TRANSPORTS)('limits over %s', (_name, ask) => {
  const refusal: (...args: Parameters<Ask>) => Promise<unknown> = async (query, variables) =>
    (await ask(query, variables)).errors?.[0]?.extensions;

  it('depth', async () => {
    const nest = (depth: number): string => (depth === 0 ? 'id' : `retryOf { ${nest(depth - 1)} }`);
    const query = (depth: number): string => `{ run(id: "x") { ${nest(depth)} } }`;
    expect(await refusal(query(13))).toBeUndefined();
    expect(await refusal(query(14))).toMatchObject({
      code: 'COMPLEXITY_EXCEEDED',
      limit: 'depth',
      max: 15,
    });
  });

  it('depth, hidden in fragments', async () => {
    const fragments = Array.from(
      { length: 16 },
      (_, i) => `fragment f${i} on Run { id ${i < 15 ? `retryOf { ...f${i + 1} }` : ''} }`,
    );
    const query = `{ run(id: "x") { ...f0 } } ${fragments.join(' ')}`;
    expect(await refusal(query)).toMatchObject({ limit: 'depth' });
  });

  it('cost, which counts what lists may hold, given or not', async () => {
    const query = (first: string): string => `query ($n: Int) { jobs(project: "demo"${first}) {
      nodes { runs(first: $n) { nodes { id state attempts { number } } } } } }`;
    expect(await refusal(query(', first: 10'), { n: 20 })).toBeUndefined();
    expect(await refusal(query(', first: 200'), { n: 20 })).toMatchObject({ limit: 'cost' });
    expect(await refusal(query(''), { n: 200 })).toMatchObject({ limit: 'cost' });
    expect(await refusal(query(''))).toMatchObject({ limit: 'cost' });
  });

  it('aliases: a thousand in one document are refused, not tried', async () => {
    const query = `{ ${Array.from({ length: 51 }, (_, i) => `a${i}: viewer { id }`).join(' ')} }`;
    expect(await refusal(query)).toMatchObject({ limit: 'aliases', max: 50 });
  });

  it('cost, which counts lists that take no number as some', async () => {
    const query = (first: number): string => `{ pools { executors(first: ${first}) {
      nodes { id name state version slots since labels } } } }`;
    expect(await refusal(query(100))).toBeUndefined();
    expect(await refusal(query(200))).toMatchObject({ code: 'COMPLEXITY_EXCEEDED', limit: 'cost' });
  });

  it('words and length', async () => {
    const words = `{ ${'viewer { id } '.repeat(600)} }`;
    expect(await refusal(words)).toMatchObject({ limit: 'tokens' });
    const long = `{ run(id: "${'x'.repeat(100_000)}") { id } }`;
    expect(await refusal(long)).toMatchObject({ limit: 'chars' });
  });

  it('pages', async () => {
    expect(await refusal('{ runs(project: "demo", first: 201) { nodes { id } } }')).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    expect(await refusal('{ runs(project: "demo", first: 0) { nodes { id } } }')).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  it('introspection passes', async () => {
    expect(await refusal(getIntrospectionQuery({ inputValueDeprecation: true }))).toBeUndefined();
  });

  it('a document that is not valid says where, with a code', async () => {
    expect(await refusal('{ nothing }')).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
    expect(await refusal('{ viewer {')).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
    expect(await refusal('query ($id: ID!) { run(id: $id) { id } }')).toEqual({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe('what only one of them has', () => {
  const code = async (answer: Promise<Answer>): Promise<unknown> =>
    (await answer).errors?.[0]?.extensions;

  it('no subscription over HTTP', async () => {
    expect(await code(gateway.ask('subscription { runChanged(id: "x") { id } }'))).toEqual({
      code: 'BAD_REQUEST',
    });
  });

  it('subscriptions are measured like everything else', async () => {
    const query = (first: number): string => `subscription { runEvents(project: "demo") {
      events { run { job { runs(first: ${first}) { nodes { id state reason priority kind } } } } }
    } }`;
    expect(await code(first(client, query(100)))).toBeUndefined();
    expect(await code(first(client, query(200)))).toMatchObject({ limit: 'cost' });
  });

  it('a body of HTTP has 64 MiB at most, and is refused before it is read', async () => {
    const response = await gateway.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'content-length': String(64 * 1_048_576 + 1),
      },
      payload: '{}',
    });
    expect(response.statusCode).toBe(413);
  });

  it('a message of a socket has 4 MiB at most', async () => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    socket.on('open', () => socket.send('x'.repeat(4 * 1_048_576 + 1)));
    expect(await closed).toBe(1009);
  });

  it('a socket has 100 operations at a time', async () => {
    const query = 'subscription { runEvents(project: "demo") { cursor } }';
    const own = connect(url, bearer(gateway.key));
    const opened = await Promise.all(Array.from({ length: 100 }, () => follow(own, query)));
    expect(opened).toEqual(opened.map(() => undefined));
    expect(await follow(own, query)).toMatchObject({ limit: 'operations' });
    await own.dispose();
  });
});

/** Open until its client ends; what refuses it, or undefined once its first frame is there. */
function follow(of: Client, query: string): Promise<unknown> {
  return new Promise((resolve) => {
    of.subscribe(
      { query },
      {
        next: (result) => resolve(result.errors?.[0]?.extensions),
        error: (errors) => resolve((errors as Answer['errors'])?.[0]?.extensions),
        complete: () => undefined,
      },
    );
  });
}
