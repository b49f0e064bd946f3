import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Broker, createBroker } from '#broker';
import { createMqtt } from '#mqtt';
import { decodeEnvelope, decodeHint, encodeEnvelope, softCodec, topicsOf } from '#protocol';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { type TestGateway, silent, startTestGateway } from '../testkit/gateway.js';
import { TestOwner } from '../testkit/owner.js';

const submit = `mutation { submitRun(input: { project: "demo", job: "noop", after: "1h",
  params: { a: "b" } }) { run { id submittedAt } } }`;

let database: TestDatabase;
let broker: Broker;
let gateway: TestGateway;
let owner: TestOwner;
beforeAll(async () => {
  database = await startTestDatabase(1);
  broker = createBroker({ log: silent });
  const { url } = await broker.start();
  gateway = await startTestGateway({ url: database.url, mqttUrl: url });
  owner = new TestOwner(database.url);
});
afterAll(async () => {
  await owner.stop();
  await gateway.stop();
  await broker.stop();
  await database.stop();
});

it('tells the owner what was written for it: the row of a run, a nudge for a command', async () => {
  const heard: unknown[] = [];
  const { url } = await broker.start();
  const listener = createMqtt({ url, clientId: 'listener', log: silent });
  listener.subscribe(topicsOf('main').threadIn('test.0'), (_topic, payload) => {
    const decoded = decodeEnvelope(softCodec, payload);
    if (decoded.ok) heard.push(...decoded.envelope.items);
  });
  await listener.start();
  const { run } = await gateway.get<{ run: { id: string; submittedAt: string } }>(submit);
  const place = { id: run.id, partition: 0, project: '00000000-0000-4000-8000-000000000000' };
  await owner.move(place, 'SCHEDULED');
  // The gateway looks at owners each second: what is submitted from then on is told.
  const told = async (): Promise<void> => {
    await gateway.get(submit);
    expect(heard).toContainEqual(expect.objectContaining({ kind: 'submitted', partition: 0 }));
  };
  await vi.waitFor(told, { timeout: 5_000, interval: 50 });
  const hint = heard.find((item) => (item as { kind: string }).kind === 'submitted');
  const facts = decodeHint((hint as { row: string }).row);
  expect(facts).toMatchObject({ partition: 0, need: 'function:noop', params: '{"a":"b"}' });
  expect((facts?.due ?? 0) - (facts?.submittedAt ?? 0)).toBe(3_600_000);
  // Who was just found to own something is nudged too.
  heard.length = 0;
  const cancel = gateway.get('mutation ($id: ID!) { cancelRun(input: { id: $id }) { pending } }', {
    id: run.id,
  });
  await vi.waitFor(() => expect(heard).toContainEqual({ kind: 'nudge', partition: 0 }));
  await owner.answer(0, { ok: true });
  expect(await cancel).toEqual({ pending: false });
  await listener.stop();
});

it('tells who has just claimed a partition, and lets it look for what it missed', async () => {
  const heard: string[] = [];
  const { url } = await broker.start();
  const topics = topicsOf('main');
  const other = createMqtt({ url, clientId: 'other', log: silent });
  other.subscribe(topics.threadIn('other.0'), (_topic, payload) => {
    const decoded = decodeEnvelope(softCodec, payload);
    if (decoded.ok) heard.push(...decoded.envelope.items.map(({ kind }) => kind));
  });
  await other.start();
  await vi.waitUntil(() => other.up);
  // Its epoch is above any in the table: no look at the table unsays it.
  const item = { kind: 'owned', partition: 0, thread: 'other.0', epoch: 1_000 } as const;
  const envelope = { sender: 'other.0', session: '', items: [item] };
  other.publish(topics.owned('other.0'), encodeEnvelope(softCodec, envelope));
  await vi.waitFor(() => expect(heard).toEqual(['nudge']));
  await gateway.get(submit);
  await vi.waitFor(() => expect(heard).toEqual(['nudge', 'submitted']));
  await other.stop();
});
