import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, freshName, startTestGateway } from '../../testkit/gateway.js';

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

const CREATE = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key
  apiKey { id name prefix projects role expiresAt lastUsedAt revokedAt }
  userErrors { code path } } }`;
const REVOKE = `mutation ($id: ID!) { revokeApiKey(input: { id: $id }) {
  apiKey { id revokedAt } key userErrors { code } } }`;
interface Made {
  readonly key: string;
  readonly apiKey: { readonly id: string; readonly prefix: string };
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const create = (input: Record<string, unknown>, as?: string): Promise<Made> =>
  gateway.get(CREATE, { input: { name: 'k', projects: ['demo'], role: 'VIEWER', ...input } }, as);
const who = async (key: string): Promise<string | undefined> => {
  const { errors } = await gateway.ask('{ viewer { id } }', {}, key);
  return errors?.[0]?.extensions.code;
};

describe('keys', () => {
  it('are shown once, and stored as a hash', async () => {
    const { key, apiKey } = await create({ name: 'mine' });
    expect(key).toMatch(/^ork_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
    expect(apiKey).toMatchObject({
      prefix: key.slice(4, 12),
      name: 'mine',
      projects: ['demo'],
      revokedAt: null,
    });
    const secret = key.slice(13);
    const { rows } = await database.admin.query('select * from api_key');
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(await who(key)).toBeUndefined();
  });

  it('end when they are revoked, at once here, and a repeat changes nothing', async () => {
    const { key, apiKey } = await create({});
    expect(await who(key)).toBeUndefined();
    const first = await gateway.get<{ apiKey: { revokedAt: string } }>(REVOKE, { id: apiKey.id });
    expect(first.apiKey.revokedAt).not.toBeNull();
    expect(await who(key)).toBe('UNAUTHENTICATED');
    expect(await gateway.get(REVOKE, { id: apiKey.id })).toEqual({ ...first });
  });

  it('end at their time', async () => {
    const past = new Date(Date.now() - 1_000).toISOString();
    expect((await create({ expiresAt: past })).userErrors).toEqual([
      { code: 'INVALID_VALUE', path: ['expiresAt'] },
    ]);
    const soon = new Date(Date.now() + 60_000).toISOString();
    const { key, apiKey } = await create({ expiresAt: soon });
    expect(apiKey).toMatchObject({ expiresAt: soon });
    expect(await who(key)).toBeUndefined();
  });

  it('do not outlive the key that makes them', async () => {
    const end = Date.now() + 60_000;
    const at = (ms: number): string => new Date(ms).toISOString();
    const { key } = await create({ role: 'ADMIN', expiresAt: at(end) });
    const refused = [{ code: 'FORBIDDEN_SCOPE', path: ['expiresAt'] }];
    expect((await create({ expiresAt: at(end + 1) }, key)).userErrors).toEqual(refused);
    expect((await create({}, key)).userErrors).toEqual(refused);
    expect((await create({ expiresAt: at(end) }, key)).userErrors).toEqual([]);
  });

  it.each(['VIEWER', 'OPERATOR', 'EDITOR', 'ADMIN'])('%s is what its key says', async (role) => {
    const { key, apiKey } = await create({ role });
    expect(apiKey).toMatchObject({ role });
    expect(await gateway.get('{ viewer { projects { role project { name } } } }', {}, key)).toEqual(
      { projects: [{ role, project: { name: 'demo' } }] },
    );
  });

  it('give nobody more than they have', async () => {
    const name = freshName('p');
    const make = `mutation ($input: CreateProjectInput!) {
      createProject(input: $input) { project { name } } }`;
    await gateway.get(make, { input: { name } });
    const { key } = await create({ projects: [name], role: 'ADMIN' });
    expect((await create({ projects: ['*'] }, key)).userErrors[0]?.code).toBe('FORBIDDEN_SCOPE');
    expect((await create({ projects: [name, 'demo'] }, key)).userErrors).toEqual([
      { code: 'NOT_FOUND', path: ['projects', '1'] },
    ]);
    expect((await create({ projects: [] }, key)).userErrors[0]?.code).toBe('INVALID_VALUE');
    const answer = await gateway.ask(make, { input: { name: freshName('q') } }, key);
    expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const everything = await create({ projects: ['*'], role: 'ADMIN' });
    expect(await gateway.get(REVOKE, { id: everything.apiKey.id }, key)).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND' }],
    });
  });
});

describe('createProject', () => {
  const MAKE = `mutation ($input: CreateProjectInput!) { createProject(input: $input) {
    project { name description } userErrors { code path } } }`;

  it('makes it, once', async () => {
    const input = { name: freshName('p'), description: 'd' };
    expect(await gateway.get(MAKE, { input })).toEqual({ project: input, userErrors: [] });
    const taken = [{ code: 'NAME_TAKEN', path: ['name'] }];
    expect(await gateway.get(MAKE, { input })).toEqual({ project: null, userErrors: taken });
    const read = 'query ($name: String!) { project(name: $name) { name description } }';
    expect(await gateway.get(read, { name: input.name })).toEqual(input);
  });

  it.each(['', 'A', '1a', 'a b', 'a'.repeat(64), 'ä', '\ud800'])('refuses %j', async (name) => {
    const made = await gateway.get<{ userErrors: unknown[] }>(MAKE, { input: { name } });
    expect(made.userErrors.length).toBeGreaterThan(0);
  });
});
