import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client } from 'graphql-ws';
import { CursorCodec } from '#feed';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { TestOwner, type TestRun } from '../../testkit/owner.js';
import { bearer, connect, listen } from '../../testkit/socket.js';

let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
let client: Client;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
  client = connect(await listen(gateway), bearer(gateway.key));
});
afterAll(async () => {
  await client.dispose();
  await owner.stop();
  await gateway.stop();
  await database.stop();
});

async function submit(labels: Record<string, string>): Promise<TestRun> {
  const { run } = await gateway.get<{
    run: { id: string; cursor: string; project: { id: string } };
  }>(
    `mutation ($labels: JSON) {
      submitRun(input: { project: "demo", job: "noop", labels: $labels }) {
        run { id cursor project { id } } } }`,
    { labels },
  );
  const place = new CursorCodec(database.life).decode(run.cursor);
  if (!place.ok || place.cursor.kind !== 'one') throw new Error('not a cursor of one run');
  return { id: run.id, project: run.project.id, partition: place.cursor.partition };
}

interface Frame {
  readonly cursor: string;
  readonly events: readonly { readonly type: string; readonly run: { readonly id: string } }[];
}
const QUERY = `subscription ($filter: RunFilter, $after: Cursor) {
  runEvents(project: "demo", filter: $filter, after: $after) { cursor events { type run { id } } }
}`;

/** Until a run has finished; the first frame without a cursor is `opened`. */
async function follow(
  filter: unknown,
  opened: (cursor: string) => Promise<void>,
  after?: string,
): Promise<string[]> {
  const got: string[] = [];
  if (after !== undefined) await opened(after);
  let isFirst = after === undefined;
  for await (const { data } of client.iterate({ query: QUERY, variables: { filter, after } })) {
    const { cursor, events } = (data as { runEvents: Frame }).runEvents;
    got.push(...events.map(({ type, run }) => `${type} ${run.id}`));
    if (isFirst) await opened(cursor);
    isFirst = false;
    if (got.some((event) => event.startsWith('FINISHED'))) break;
  }
  return got;
}

it('runEvents by labels, kinds and submission: live, and the same from a cursor', async () => {
  const ours = await submit({ team: 'data', tier: '1' });
  const theirs = await submit({ team: 'web', tier: '1' });
  const filter = {
    labels: { team: 'data' },
    kinds: ['FUNCTION'],
    submittedAfter: '2026-01-01T00:00:00.000Z',
  };
  let began = '';
  const live = await follow(filter, async (cursor) => {
    began = cursor;
    await owner.move(theirs, 'READY');
    await owner.move(ours, 'READY');
    await owner.finish(theirs, 'DEAD', 'FAILED');
    await owner.finish(ours, 'SUCCEEDED', 'SUCCEEDED');
  });
  expect(live).toEqual([`CHANGED ${ours.id}`, `FINISHED ${ours.id}`]);
  expect(await follow(filter, () => Promise.resolve(), began)).toEqual(live);
});

it('labels that are changed count from the change on', async () => {
  const run = await submit({ team: 'web' });
  const got = await follow({ labels: { team: 'data' } }, async () => {
    await owner.move(run, 'READY');
    await owner.relabel(run, { team: 'data' });
    await owner.finish(run, 'SUCCEEDED', 'SUCCEEDED');
  });
  expect(got.slice(-2)).toEqual([`CHANGED ${run.id}`, `FINISHED ${run.id}`]);
});
