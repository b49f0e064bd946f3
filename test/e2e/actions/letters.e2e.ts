import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery, cli } from '../support/orrery.js';
import { type Input, eventually, readRun, submit, succeeded } from '../support/runs.js';

const WITHIN_MS = 20_000;
const NOWHERE = '019aa000-0000-7000-8000-000000000000';
const orrery = new Orrery();
const directory = mkdtempSync(path.join(tmpdir(), 'orrery-letters-'));
const gate = path.join(directory, 'gate');
let client: Client;

beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
}, 90_000);
afterAll(async () => {
  await client?.close();
  await orrery.remove();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

async function ask<T>(document: string, variables: Input): Promise<T> {
  const answer = await client.request<Readonly<Record<string, T>>>(document, variables);
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return Object.values(answer.value)[0] as T;
}
const press = async (...words: readonly string[]): Promise<unknown> => {
  const { code, out, err } = await cli(orrery, [...words, '--output', 'json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
};
async function letters(labels: object): Promise<string[]> {
  const { nodes } = await ask<{ nodes: { id: string }[] }>(
    'query ($filter: RunFilter) { runs(project: "demo", filter: $filter) { nodes { id } } }',
    { filter: { labels, states: ['DEAD'], discarded: false } },
  );
  return nodes.map(({ id }) => id);
}

test('dead retry pressed twice retries each letter once, and then what died of it', async () => {
  const labels = { e2e: 'letters' };
  // It fails as soon as the gate is open: what is retried cannot be dead at the second press.
  const command = `while [ ! -e ${gate} ]; do sleep 0.05; done; false`;
  const spec = { kind: 'shell', command, retry: { maxAttempts: 1 } };
  const id = await submit(client, { spec, labels });
  writeFileSync(gate, '');
  const dies = (run: string) =>
    eventually(
      () => readRun(client, run),
      ({ state }) => state === 'DEAD',
      WITHIN_MS,
    );
  await dies(id);
  rmSync(gate);
  const retry = ['dead', 'retry', '--labels', JSON.stringify(labels)];
  const presses = await Promise.all([press(...retry), press(...retry)]);
  const sum = presses.reduce<number>((all, each) => all + (each as { applied: number }).applied, 0);
  expect(sum).toBe(1);
  const { retries, retriedAs } = await ask<{
    retries: { id: string }[];
    retriedAs: { id: string };
  }>('query ($id: ID!) { run(id: $id) { retries { id } retriedAs { id } } }', { id });
  expect(retries).toEqual([retriedAs]);
  expect(await letters(labels)).toEqual([]);
  writeFileSync(gate, '');
  await dies(retriedAs.id);
  expect(await letters(labels)).toEqual([retriedAs.id]);
  expect(await press(...retry)).toMatchObject({ matched: 1, applied: 1 });
  // By its id one hears why nothing is done.
  const one = await cli(orrery, ['dead', 'retry', '--id', id]);
  expect(one.code).not.toBe(0);
  expect(one.err).toContain(`it was retried as ${retriedAs.id}`);
  const none = await cli(orrery, ['dead', 'discard', '--id', NOWHERE, '--reason', 'x']);
  expect(none.code).not.toBe(0);
  expect(none.err).toContain('does not exist');
});

test('what is frozen shows, a second freeze says so, and a bulk lets it go on', async () => {
  const labels = { e2e: 'frozen' };
  const id = await submit(client, { spec: { kind: 'shell', command: 'sleep 2' }, labels });
  await eventually(
    () => readRun(client, id),
    ({ state }) => state === 'RUNNING',
    WITHIN_MS,
  );
  const freeze = async (): Promise<unknown> =>
    await ask(
      `mutation ($input: PauseRunInput!) { pauseRun(input: $input) {
        changed run { state paused { how reason } } userErrors { code } } }`,
      { input: { id, how: 'FREEZE', reason: 'the disk is full' } },
    );
  const run = { state: 'RUNNING', paused: { how: 'FREEZE', reason: 'the disk is full' } };
  expect(await freeze()).toEqual({ changed: true, run, userErrors: [] });
  expect(await freeze()).toEqual({ changed: false, run, userErrors: [] });
  const resumed = await press('runs', 'bulk', 'RESUME', '--labels', JSON.stringify(labels));
  expect(resumed).toMatchObject({ matched: 1, applied: 1 });
  await succeeded(client, id, WITHIN_MS);
});

test('a bulk that was a slip is found and stopped; the rest stays as it was', async () => {
  const labels = { e2e: 'slip' };
  const ids = await Promise.all(
    Array.from({ length: 20 }, () => submit(client, { job: 'noop', labels, after: '1h' })),
  );
  const input = { project: 'demo', action: 'CANCEL', filter: { labels }, perSecond: 2 };
  const asked = ask<{ pending: boolean }>(
    'mutation ($input: BulkRunsInput!) { bulkRuns(input: $input) { pending applied } }',
    { input },
  );
  const find = () =>
    ask<{ nodes: { id: string; state: string; filter: unknown; applied: number }[] }>(
      '{ bulks(project: "demo", first: 1) { nodes { id state filter applied } } }',
      {},
    );
  const { nodes } = await eventually(
    find,
    ({ nodes: [newest] }) => JSON.stringify(newest?.filter) === JSON.stringify({ labels }),
    WITHIN_MS,
  );
  const stopped = await ask<{ bulk: { applied: number }; changed: boolean }>(
    `mutation ($input: CancelBulkInput!) { cancelBulk(input: $input) {
      bulk { state applied stopReason } changed userErrors { code } } }`,
    { input: { id: nodes[0]?.id, reason: 'a slip' } },
  );
  const again = await press('bulk', 'cancel', nodes[0]?.id ?? '');
  expect(again).toMatchObject({ state: 'CANCELLED', changed: false });
  const waited = await cli(orrery, ['bulk', 'get', nodes[0]?.id ?? '', '--wait']);
  expect([waited.code, waited.err]).toEqual([1, expect.stringContaining('a slip')]);
  expect(stopped).toMatchObject({
    bulk: { state: 'CANCELLED', stopReason: 'a slip' },
    changed: true,
  });
  expect(await asked).toEqual({ pending: false, applied: stopped.bulk.applied });
  const states = async (): Promise<string[]> =>
    (await Promise.all(ids.map((id) => readRun(client, id)))).map(({ state }) => state);
  const cancelled = (all: readonly string[]): number =>
    all.filter((state) => state === 'CANCELLED').length;
  await eventually(states, (all) => cancelled(all) === stopped.bulk.applied, WITHIN_MS);
  expect(stopped.bulk.applied).toBeLessThan(ids.length);
});
