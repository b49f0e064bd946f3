import type { AddressInfo } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunRow, findRuns } from '#postgres';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { LogRig } from '../../live/testkit/log-rig.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { TestOwner } from '../../testkit/owner.js';

let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
/** Writes only: the logs are followed at the gateway. */
let rig: LogRig;
let client: Client;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
  rig = new LogRig(database.url, gateway.reader);
  await gateway.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = gateway.app.getHttpServer().address() as AddressInfo;
  const connectionParams = { authorization: `Bearer ${gateway.key}` };
  const url = `ws://127.0.0.1:${port}/graphql`;
  client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
});
afterAll(async () => {
  await client.dispose();
  await rig.stop();
  await owner.stop();
  await gateway.stop();
  await database.stop();
});

async function submit(): Promise<RunRow> {
  const { run } = await gateway.get<{ run: { id: string; project: { id: string } } }>(
    `mutation { submitRun(input: { project: "demo", job: "noop" }) {
      run { id project { id } } } }`,
  );
  const [row] = await findRuns(gateway.reader, [run.project.id], [run.id]);
  if (row === undefined) throw new Error(`run ${run.id} was not written`);
  return row;
}

interface Chunk {
  readonly cursor: string;
  readonly text: string;
}
const CHUNK = '{ cursor attempt stream offset text gapBytes }';
const RUN_LOG = `subscription ($run: ID!, $attempt: Int, $after: Cursor) {
  runLog(run: $run, attempt: $attempt, after: $after) ${CHUNK} }`;
const PAGE = `query ($run: ID!, $after: Cursor, $first: Int) { run(id: $run) {
  log(after: $after, first: $first) { text nodes ${CHUNK} pageInfo { endCursor hasNextPage } } } }`;
interface Page {
  readonly log: {
    readonly text: string;
    readonly nodes: readonly Chunk[];
    readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  };
}

const iterate = (variables: object) =>
  client.iterate<{ runLog: Chunk }>({ query: RUN_LOG, variables: { ...variables } });
/** To its end, or until there are so many. */
async function follow(variables: object, count = Number.POSITIVE_INFINITY): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const { data, errors } of iterate(variables)) {
    if (!data) throw new Error(JSON.stringify(errors));
    chunks.push(data.runLog);
    if (chunks.length >= count) break;
  }
  return chunks;
}
/** It comes as a result, or ends the stream. */
async function refusal(variables: object): Promise<unknown> {
  const codeIn = (errors: unknown): unknown =>
    (errors as readonly { extensions: { code: unknown } }[])[0]?.extensions.code;
  try {
    for await (const { errors } of iterate(variables)) return codeIn(errors);
  } catch (errors) {
    return codeIn(errors);
  }
  return undefined;
}

it('tells each piece with its place and its gap, as `Run.log` does, and ends', async () => {
  const run = await submit();
  await rig.append(run, { body: 'a' }, { body: 'b', offset: 8 }, { body: 'c', stream: 1 });
  const first = await follow({ run: run.id }, 3);
  expect(first).toMatchObject([
    { attempt: 1, stream: 'STDOUT', offset: '0', text: 'a', gapBytes: null },
    { attempt: 1, stream: 'STDOUT', offset: '8', text: 'b', gapBytes: 7 },
    { attempt: 1, stream: 'STDERR', offset: '0', text: 'c', gapBytes: null },
  ]);
  await rig.append(run, { body: 'd', attempt: 2 });
  await owner.finish(run, 'DEAD', 'FAILED');
  const all = await follow({ run: run.id });
  expect(all.slice(0, 3)).toEqual(first);
  const { log } = await gateway.get<Page>(PAGE, { run: run.id });
  expect(log.nodes).toEqual(all);
  expect(log.text).toBe('abcd');
  expect((await follow({ run: run.id, attempt: 2 })).map(({ text }) => text)).toEqual(['d']);
});

it('goes on from any cursor, those of `Run.log` too, and the other way round', async () => {
  const run = await submit();
  await rig.append(run, { body: 'a' }, { body: 'b', offset: 1 }, { body: 'c', offset: 2 });
  const { log } = await gateway.get<Page>(PAGE, { run: run.id, first: 2 });
  expect([log.text, log.pageInfo.hasNextPage]).toEqual(['ab', true]);
  const after = log.pageInfo.endCursor;
  const [third] = await follow({ run: run.id, after }, 1);
  expect(third?.text).toBe('c');
  await rig.append(run, { body: 'd', offset: 3 });
  const rest = await gateway.get<Page>(PAGE, { run: run.id, after: third?.cursor });
  expect(rest.log.text).toBe('d');
});

it('refuses a cursor of another run or of nobody; that of a restored cluster expired', async () => {
  const [run, other] = [await submit(), await submit()];
  await rig.append(other, { body: 'a' });
  const [chunk] = await follow({ run: other.id }, 1);
  expect(await refusal({ run: run.id, after: chunk?.cursor })).toBe('BAD_CURSOR');
  expect(await refusal({ run: run.id, after: 'nonsense' })).toBe('BAD_CURSOR');
  const life = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const cursorOf = (...parts: unknown[]): string =>
    Buffer.from(JSON.stringify(['log', run.id, ...parts])).toString('base64url');
  expect(await refusal({ run: run.id, after: cursorOf(-1, life.slice(-12)) })).toBe('BAD_CURSOR');
  const expired = cursorOf(1, life.slice(-12));
  expect(await refusal({ run: run.id, after: expired })).toBe('CURSOR_EXPIRED');
  const answer = await gateway.ask(PAGE, { run: run.id, after: expired });
  const extensions = answer.errors?.[0]?.extensions;
  expect(extensions?.code).toBe('CURSOR_EXPIRED');
  await rig.append(run, { body: 'mine' });
  expect(
    (await follow({ run: run.id, after: extensions?.['oldest'] }, 1)).map(({ text }) => text),
  ).toEqual(['mine']);
});

it('a gap beyond the type is told as the most that fits', async () => {
  const run = await submit();
  await rig.append(run, { body: 'far', offset: 5_000_000_000 });
  expect(await follow({ run: run.id }, 1)).toMatchObject([
    { offset: '5000000000', gapBytes: 2_147_483_647 },
  ]);
});
