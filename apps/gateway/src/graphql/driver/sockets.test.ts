import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { CursorCodec } from '#feed';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { TestOwner } from '../../testkit/owner.js';
import { bearer, connect, first, listen, refusal } from '../../testkit/socket.js';

let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
let url: string;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
  url = await listen(gateway);
});
afterAll(async () => {
  await owner.stop();
  await gateway.stop();
  await database.stop();
});

const closed = (params: Record<string, unknown>): Promise<number> =>
  new Promise((resolve) => {
    connect(url, params, resolve).subscribe(
      { query: '{ viewer { id } }' },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
  });

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { key apiKey { id } } }`;
const makeKey = (project: string): Promise<{ key: string; apiKey: { id: string } }> =>
  gateway.get(CREATE_KEY, { input: { name: 'socket', projects: [project], role: 'ADMIN' } });
async function submit(): Promise<{ id: string; project: string; partition: number }> {
  const { run } = await gateway.get<{
    run: { id: string; cursor: string; project: { id: string } };
  }>(
    `mutation { submitRun(input: { project: "demo", job: "noop" }) {
      run { id cursor project { id } } } }`,
  );
  const place = new CursorCodec(database.life).decode(run.cursor);
  if (!place.ok || place.cursor.kind !== 'one') throw new Error('not a cursor of one run');
  const { partition } = place.cursor;
  return { id: run.id, project: run.project.id, partition };
}

describe('sockets', () => {
  it('a bad key or none closes with 4401, on which clients do not try again', async () => {
    expect(await closed({})).toBe(4401);
    expect(await closed(bearer('nonsense'))).toBe(4401);
    expect(await closed({ key: `ork_abcdefgh_${'x'.repeat(43)}` })).toBe(4401);
  });

  it('queries and mutations work, by header form and by key', async () => {
    for (const params of [bearer(gateway.key), { key: gateway.key }]) {
      const client = connect(url, params);
      expect(await first(client, '{ viewer { kind } }')).toEqual({
        data: { viewer: { kind: 'API_KEY' } },
      });
      await client.dispose();
    }
  });

  it('has the errors of HTTP', async () => {
    const client = connect(url, bearer(gateway.key));
    expect(await refusal(client, '{ nothing }')).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(await refusal(client, '{ runs(project: "nowhere") { nodes { id } } }')).toBe(
      'NOT_FOUND',
    );
    await client.dispose();
  });

  it('big integers survive', async () => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const heard: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        heard.push(text);
        if (text.includes('connection_ack')) {
          const query =
            'mutation ($p: JSON) { submitRun(input: {project: "demo", job: "noop", params: $p}) ' +
            '{ run { params } } }';
          const payload = `{"query":${JSON.stringify(query)},"variables":{"p":90071992547409931}}`;
          socket.send(`{"id":"1","type":"subscribe","payload":${payload}}`);
        }
        if (text.includes('"complete"')) resolve();
      });
    });
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(gateway.key) }));
    });
    await done;
    socket.close();
    expect(heard.join()).toContain('"params":90071992547409931}');
  });

  it('runChanged: the run at once, and after every change', async () => {
    const run = await submit();
    const client = connect(url, bearer(gateway.key));
    const query = 'subscription ($id: ID!) { runChanged(id: $id) { state reason } }';
    const states: string[] = [];
    for await (const result of client.iterate({ query, variables: { id: run.id } })) {
      const { runChanged } = result.data as { runChanged: { state: string } };
      if (states.at(-1) === runChanged.state) continue;
      states.push(runChanged.state);
      if (states.length === 1) await owner.move(run, 'READY');
      if (states.length === 2) await owner.finish(run, 'SUCCEEDED', 'SUCCEEDED');
      if (states.length === 3) break;
    }
    expect(states).toEqual(['SCHEDULED', 'READY', 'SUCCEEDED']);
    await client.dispose();
  });

  it('runEvents: an empty frame, then what happens, with the run of each', async () => {
    const run = await submit();
    const client = connect(url, bearer(gateway.key));
    const query = `subscription ($ids: [ID!]) { runEvents(project: "demo", filter: { ids: $ids }) {
      cursor events { type to run { id state } } } }`;
    const frames: { cursor: string; events: unknown[] }[] = [];
    for await (const result of client.iterate({ query, variables: { ids: [run.id] } })) {
      frames.push((result.data as { runEvents: (typeof frames)[0] }).runEvents);
      if (frames.length === 1) await owner.finish(run, 'DEAD', 'FAILED');
      if (frames.some(({ events }) => events.length > 0)) break;
    }
    expect(frames[0]?.events).toEqual([]);
    expect(frames.at(-1)?.events).toEqual([
      { type: 'FINISHED', to: 'DEAD', run: { id: run.id, state: 'DEAD' } },
    ]);
    await client.dispose();
  });

  it('a stream of another project is one that does not exist', async () => {
    const make = 'mutation { createProject(input: { name: "elsewhere" }) { project { id } } }';
    await gateway.get(make);
    const { key } = await makeKey('elsewhere');
    const run = await submit();
    const client = connect(url, bearer(key));
    const events = 'subscription ($p: String!) { runEvents(project: $p) { cursor } }';
    const changed = 'subscription ($id: ID!) { runChanged(id: $id) { id } }';
    const log = 'subscription ($id: ID!) { runLog(run: $id) { text } }';
    for (const p of ['demo', 'nowhere']) {
      expect(await refusal(client, events, { p })).toBe('NOT_FOUND');
    }
    expect(await refusal(client, events, { p: 'elsewhere' })).toBeUndefined();
    for (const id of [run.id, '019aa000-0000-7000-8000-000000000000']) {
      expect(await refusal(client, changed, { id })).toBe('NOT_FOUND');
      expect(await refusal(client, log, { id })).toBe('NOT_FOUND');
    }
    await client.dispose();
  });

  it('a filter that streams do not know, and a cursor of nobody, are told', async () => {
    const client = connect(url, bearer(gateway.key));
    for (const [name, value] of [
      ['outcomes', '[LOST]'],
      ['finishedAfter', '"2026-01-01T00:00:00Z"'],
      ['labels', '{team: 1}'],
    ]) {
      const given = `subscription { runEvents(project: "demo", filter: {${name}: ${value}}) {
        cursor } }`;
      expect((await first(client, given)).errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        path: ['filter', name],
      });
    }
    const after = 'subscription { runEvents(project: "demo", after: "nonsense") { cursor } }';
    expect(await refusal(client, after)).toBe('BAD_CURSOR');
    await client.dispose();
  });

  it('refuses pages of other sites and other paths', async () => {
    const open = (path: string, origin?: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(path, 'graphql-transport-ws', origin ? { origin } : {});
        socket.on('error', (error) => resolve(error.message));
        socket.on('open', () => {
          socket.close();
          resolve('open');
        });
      });
    expect(await open(url, 'https://evil.example')).toContain('403');
    expect(await open(url.replace('/graphql', '/other'))).toContain('404');
    expect(await open(url, url.replace('ws:', 'http:').replace('/graphql', ''))).toBe('open');
  });
});
