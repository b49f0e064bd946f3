import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { Link } from '../../../../../test/support/link.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let link: Link;
let gateway: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase(4);
  const url = new URL(database.url);
  const { port } = url;
  link = new Link(() => Number(port));
  url.port = String(await link.start());
  gateway = await startTestGateway({ url: database.url, databaseUrl: url.href });
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

describe('without a database', () => {
  it('says UNAVAILABLE with when to try again, and is alive but not ready', async () => {
    const submit = 'mutation { submitRun(input: { project: "demo", job: "noop" }) { run { id } } }';
    await gateway.get(submit);
    await link.stop();
    const unavailable = { code: 'UNAVAILABLE', retryAfter: '1s' };
    const run = await gateway.ask('{ run(id: "019aa000-0000-7000-8000-000000000000") { id } }');
    expect(run.errors?.[0]?.extensions).toEqual(unavailable);
    expect((await gateway.ask(submit)).errors?.[0]?.extensions).toEqual(unavailable);
    const get = (url: string) => gateway.app.inject({ method: 'GET', url });
    expect((await get('/livez')).statusCode).toBe(200);
    expect((await get('/readyz')).statusCode).toBe(503);
    // A key that nobody can look up is neither good nor bad.
    const stranger = await gateway.ask('{ viewer { id } }', {}, `ork_abcdefgh_${'x'.repeat(43)}`);
    expect(stranger.errors?.[0]?.extensions).toEqual(unavailable);
  }, 20_000);
});
