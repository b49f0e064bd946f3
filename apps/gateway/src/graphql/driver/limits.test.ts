import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getIntrospectionQuery } from 'graphql';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

async function refusal(query: string, variables = {}) {
  const { errors } = await gateway.ask(query, variables);
  return errors?.[0]?.extensions;
}

describe('limits', () => {
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
    expect(await refusal('subscription { runChanged(id: "x") { id } }')).toEqual({
      code: 'BAD_REQUEST',
    });
  });
});
