import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery } from '../support/orrery.js';
import { type Input, eventually, readRun, submit, succeeded } from '../support/runs.js';

const WITHIN_MS = 20_000;
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

async function ask(document: string, variables: Input): Promise<Record<string, unknown>> {
  const answer = await client.request<Record<string, unknown>>(document, variables);
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  const [[field, value]] = Object.entries(answer.value) as [[string, Record<string, unknown>]];
  if (JSON.stringify(value['userErrors'] ?? []) === '[]') return value;
  throw new Error(`${field}: ${JSON.stringify(value['userErrors'])}`);
}
const apply = (name: string, spec: Input): Promise<unknown> =>
  ask(`mutation($input: ApplyJobInput!) { applyJob(input: $input) { userErrors { message } } }`, {
    input: { project: 'demo', name, spec: { kind: 'shell', ...spec } },
  });
const hold = (verb: 'pauseJob' | 'resumeJob', name: string): Promise<Record<string, unknown>> =>
  ask(
    `mutation($input: JobActionInput!) { ${verb}(input: $input) {
      changed pending userErrors { message } } }`,
    { input: { project: 'demo', name, reason: 'the disk is full' } },
  );
const read = (id: string, fields: string): Promise<Record<string, unknown>> =>
  ask(`query($id: ID!) { run(id: $id) { ${fields} } }`, { id });

test('R40: while one is queued or runs the answer is it; after its end it is new', async () => {
  await apply('import', { command: 'sleep 0.5', dedup: { key: 'city-${params.city}' } });
  const of = async (city: string): Promise<string> =>
    await submit(client, { job: 'import', params: { city } });
  const first = await of('Bern');
  expect(await of('Bern')).toBe(first);
  expect(await of('Basel')).not.toBe(first);
  await succeeded(client, first, WITHIN_MS);
  expect(await of('Bern')).not.toBe(first);
});

test('while it is queued only, its start gives the key back', async () => {
  await apply('queued', { command: 'sleep 2', dedup: { key: 'one', whileIn: 'QUEUED' } });
  const first = await submit(client, { job: 'queued' });
  await eventually(
    () => readRun(client, first),
    ({ state }) => state === 'RUNNING',
    WITHIN_MS,
  );
  expect(await submit(client, { job: 'queued' })).not.toBe(first);
});

test('A8: an equal run is not started: it has the result of the first', async () => {
  await apply('costly', { command: 'date +%s%N', cache: { ttl: '1h' } });
  const first = await submit(client, { job: 'costly', params: { n: 1 } });
  await succeeded(client, first, WITHIN_MS);
  const fields = 'state outcome result attempts { number } reusedFrom { id }';
  const of = await read(first, fields);
  const hit = await submit(client, { job: 'costly', params: { n: 1 } });
  await succeeded(client, hit, WITHIN_MS);
  expect(await read(hit, fields)).toEqual({ ...of, attempts: [], reusedFrom: { id: first } });
  const fresh = await submit(client, { job: 'costly', params: { n: 1 }, fresh: true });
  await succeeded(client, fresh, WITHIN_MS);
  expect(await read(fresh, fields)).toMatchObject({ attempts: [{ number: 1 }], reusedFrom: null });
});

test('a paused job starts nothing, says so, and goes on where it was', async () => {
  await apply('nightly', { command: 'true' });
  expect(await hold('pauseJob', 'nightly')).toMatchObject({ changed: true, pending: false });
  const ids = await Promise.all(
    Array.from({ length: 20 }, () => submit(client, { job: 'nightly' })),
  );
  for (const id of ids) {
    await eventually(
      () => readRun(client, id),
      ({ state }) => state === 'PAUSED',
      WITHIN_MS,
    );
  }
  expect(await read(ids[0] ?? '', 'attempts { number } waitingFor { kind text }')).toEqual({
    attempts: [],
    waitingFor: [{ kind: 'PAUSED', text: expect.stringContaining('the disk is full') as unknown }],
  });
  expect(await hold('pauseJob', 'nightly')).toMatchObject({ changed: false, pending: false });
  expect(await hold('resumeJob', 'nightly')).toMatchObject({ changed: true, pending: false });
  for (const id of ids) await succeeded(client, id, WITHIN_MS);
});

test('a dead letter is discarded by who says why; marked anew, a run stands for it', async () => {
  await apply('fails', { command: 'false', retry: { maxAttempts: 1 }, labels: { e2e: 'dead' } });
  const id = await submit(client, { job: 'fails' });
  await eventually(
    () => readRun(client, id),
    ({ state }) => state === 'DEAD',
    WITHIN_MS,
  );
  const input = { project: 'demo', filter: { labels: { e2e: 'dead' } }, reason: 'known' };
  const document = `mutation($input: BulkRunsInput!) { bulkRuns(input: $input) {
    matched applied userErrors { message } } }`;
  const done = await ask(document, { input: { ...input, action: 'DISCARD' } });
  expect(done).toMatchObject({ matched: 1, applied: 1 });
  await eventually(
    () => read(id, 'discarded { reason }'),
    ({ discarded }) => JSON.stringify(discarded) === '{"reason":"known"}',
    WITHIN_MS,
  );
  const { run } = await ask(
    `mutation($input: MarkRunInput!) { markRun(input: $input) {
      run { id retryOf { id } } userErrors { message } } }`,
    { input: { id, as: 'SUCCEEDED', reason: 'done by hand', result: { ok: true } } },
  );
  const marked = run as { id: string; retryOf: { id: string } };
  expect(marked.retryOf.id).toBe(id);
  await succeeded(client, marked.id, WITHIN_MS);
  expect(await read(marked.id, 'result attempts { number } reason')).toEqual({
    result: { ok: true },
    attempts: [],
    reason: 'done by hand',
  });
});
