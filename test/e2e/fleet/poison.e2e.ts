import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery } from '../support/orrery.js';
import { allEnded, eventually, submit, succeeded } from '../support/runs.js';

const EXECUTORS = 3;
/** Each of them starts anew three times at most. */
const END_MS = 60_000;

const orrery = new Orrery();
let client: Client;

beforeAll(async () => {
  await orrery.start(['--executors', `${EXECUTORS}`]);
  client = orrery.client();
  await allEnded(client, END_MS);
}, 90_000);
afterAll(async () => {
  await client?.close();
  await orrery.remove();
}, 30_000);

interface Told {
  readonly run: {
    readonly state: string;
    readonly reason: string | null;
    readonly attempts: readonly { readonly executor: { readonly id: string } | null }[];
  };
}
const WHY = 'query($id: ID!) { run(id: $id) { state reason attempts { executor { id } } } }';

test('a job that kills three executors is DEAD as poison, with its evidence (3.7)', async () => {
  const spec = {
    ...{ kind: 'shell', command: 'kill -9 $PPID; sleep 60' },
    ...{ lossCountsAsAttempt: false, retry: { maxAttempts: 2, delay: '50ms' } },
  };
  const id = await submit(client, { spec });
  const look = async (): Promise<Told['run']> => {
    const answer = await client.request<Told>(WHY, { id });
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    return answer.value.run;
  };
  const { reason, attempts } = await eventually(look, ({ state }) => state === 'DEAD', END_MS);
  expect(new Set(attempts.map(({ executor }) => executor?.id)).size).toBe(EXECUTORS);
  expect(reason).toMatch(/^poison: .*executor-1.*\(attempts 1, .*\)$/);
  await succeeded(client, await submit(client, { job: 'noop' }), END_MS);
}, 90_000);
