import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { Definitions, revokeApiKey } from '#definitions';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { bearer, connect, listen } from '../../testkit/socket.js';

/** What a key's end may take to be felt, wherever it was revoked. */
const FELT_WITHIN_MS = 5_000;
const FORBIDDEN = 4403;
let database: TestDatabase;
let gateway: TestGateway;
let elsewhere: Definitions;
let url: string;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  elsewhere = new Definitions({ url: database.url, name: 'test/elsewhere' });
  await elsewhere.start();
  url = await listen(gateway);
});
afterAll(async () => {
  await elsewhere.stop();
  await gateway.stop();
  await database.stop();
});

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { key apiKey { id } } }`;
const makeKey = (expiresAt?: string): Promise<{ key: string; apiKey: { id: string } }> =>
  gateway.get(CREATE_KEY, {
    input: { name: 'socket', projects: ['demo'], role: 'VIEWER', expiresAt },
  });

interface Followed {
  readonly client: Client;
  /** The first frame is there. */
  isOpen: boolean;
  closed: { readonly code: number; readonly at: number } | undefined;
}
async function follow(key: string): Promise<Followed> {
  const client = connect(url, bearer(key), (code) => {
    followed.closed = { code, at: Date.now() };
  });
  const followed: Followed = { client, isOpen: false, closed: undefined };
  const next = (): void => {
    followed.isOpen = true;
  };
  client.subscribe(
    { query: 'subscription { runEvents(project: "demo") { cursor } }' },
    { next, error: () => undefined, complete: () => undefined },
  );
  await until(() => followed.isOpen, FELT_WITHIN_MS);
  return followed;
}
const end = async (followed: Followed): Promise<number | undefined> => {
  await until(() => followed.closed !== undefined, 2 * FELT_WITHIN_MS);
  return followed.closed?.code;
};

describe('an open subscription, when its key', () => {
  it('is revoked here: 4403', async () => {
    const { key, apiKey } = await makeKey();
    const followed = await follow(key);
    const revoke = 'mutation ($id: ID!) { revokeApiKey(input: {id: $id}) { key } }';
    await gateway.get(revoke, { id: apiKey.id });
    expect(await end(followed)).toBe(FORBIDDEN);
  });

  it('is revoked at another gateway: 4403 within 5 s, and nobody else is closed', async () => {
    const { key, apiKey } = await makeKey();
    const other = await follow((await makeKey()).key);
    const sockets = [await follow(key), await follow(key)];
    const at = Date.now();
    await revokeApiKey(elsewhere, apiKey.id);
    for (const socket of sockets) {
      expect(await end(socket)).toBe(FORBIDDEN);
      expect((socket.closed?.at ?? Number.NaN) - at).toBeLessThan(FELT_WITHIN_MS);
    }
    const { errors } = await gateway.ask('{ viewer { id } }', {}, key);
    expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(other.closed).toBeUndefined();
    await other.client.dispose();
  });

  it('expires: 4403 then, and not before', async () => {
    const over = Date.now() + 1_200;
    const { key } = await makeKey(new Date(over).toISOString());
    const followed = await follow(key);
    expect(await end(followed)).toBe(FORBIDDEN);
    const { at } = followed.closed ?? { at: Number.NaN };
    expect(at).toBeGreaterThanOrEqual(over);
    expect(at - over).toBeLessThan(FELT_WITHIN_MS);
  });
});
