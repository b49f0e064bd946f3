import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Dead } from '../../../bench/dead.js';
import { Orrery, cli } from '../support/orrery.js';
import { submit } from '../support/runs.js';

/** The 5,000, and what it costs who submits meanwhile: `npm run bench -- bulk`. */
const RUNS = 300;
const BESIDE = 100;

const orrery = new Orrery();
let client: Client;
beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
}, 90_000);
afterAll(async () => {
  await client?.close();
  await orrery.remove();
}, 30_000);

interface Page {
  readonly runs: {
    readonly nodes: readonly {
      readonly id: string;
      readonly state: string;
      readonly retryOf: { readonly id: string } | null;
    }[];
    readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
  };
}

async function page(round: string, after: string | null): Promise<Page['runs']> {
  const answer = await client.request<Page>(
    `query($filter: RunFilter, $after: Cursor) {
      runs(project: "demo", filter: $filter, first: 200, after: $after) {
        nodes { id state retryOf { id } } pageInfo { endCursor hasNextPage } } }`,
    { filter: { labels: { round } }, after },
  );
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return answer.value.runs;
}

async function all(round: string): Promise<Page['runs']['nodes']> {
  const { nodes, pageInfo } = await page(round, null);
  const found = [...nodes];
  for (let at = pageInfo; at.hasNextPage; ) {
    const next = await page(round, at.endCursor);
    found.push(...next.nodes);
    at = next.pageInfo;
  }
  return found;
}

test(`${RUNS} dead runs are retried by filter while others submit: each once`, async () => {
  const round = 'short';
  const dead = new Dead(client);
  await dead.make(RUNS, round);
  const filter = ['--labels', JSON.stringify({ round })];
  const retry = ['dead', 'retry', ...filter, '--output', 'json'];
  const dry = await cli(orrery, [...retry, '--dry-run']);
  expect(JSON.parse(dry.out)).toEqual({ id: null, matched: RUNS, applied: 0, pending: false });
  expect(await all(round)).toHaveLength(RUNS);

  const [done] = await Promise.all([
    cli(orrery, [...retry, '--idempotency-key', 'once']),
    ...Array.from({ length: BESIDE }, async () => await submit(client, { job: 'noop' })),
  ]);
  const told = JSON.parse(done.out) as { readonly id: string };
  expect(told).toEqual({
    id: expect.any(String),
    matched: RUNS,
    applied: RUNS,
    pending: false,
  });
  const again = await cli(orrery, [...retry, '--idempotency-key', 'once']);
  expect(JSON.parse(again.out)).toEqual(told);
  const look = await cli(orrery, ['bulk', 'get', told.id, '--output', 'json']);
  expect(JSON.parse(look.out)).toMatchObject({ state: 'DONE', action: 'RETRY', refused: 0 });

  // They fail as the first ones did, and are the letters that there are now.
  await dead.settled(round, RUNS);
  const runs = await all(round);
  const old = runs.filter(({ retryOf }) => retryOf === null).map(({ id }) => id);
  const retried = runs.flatMap(({ retryOf }) => retryOf?.id ?? []);
  expect(old).toHaveLength(RUNS);
  expect(retried.toSorted()).toEqual(old.toSorted());
}, 90_000);
