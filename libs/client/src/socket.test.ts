import { expect, test } from 'vitest';
import { until } from '#actor';
import { startFakeGateway } from '../../../test/support/fake-gateway.js';
import { connect } from './socket.js';

const BOUND_MS = 5_000;

/** Why a subscription ends on a socket with these times, whose peer says this to each ping. */
async function endOf(said: string | undefined): Promise<{ ended: unknown; heard: () => number }> {
  const fake = await startFakeGateway();
  let heard = 0;
  fake.heard = ({ socket }) => {
    socket.on('message', (bytes: Buffer) => {
      if (!bytes.toString().includes('"ping"')) return;
      heard++;
      if (said !== undefined) socket.send(said);
    });
  };
  const client = connect(fake.url, undefined, () => undefined, { pingMs: 10, pongWithinMs: 200 });
  let ended: unknown;
  client.subscribe(
    { query: 'subscription { n }' },
    { next: () => undefined, error: (reason) => (ended = reason), complete: () => undefined },
  );
  await until(() => ended !== undefined || heard >= 30, BOUND_MS);
  const seen = ended;
  await Promise.resolve(client.dispose()).catch(() => undefined); // it may be gone already
  await fake.stop();
  return { ended: seen, heard: () => heard };
}

test('a peer that is gone without a word ends the socket', async () => {
  expect((await endOf(undefined)).ended).toMatchObject({ code: 4499 });
});

test('one that says something after a ping and is gone then ends it as well', async () => {
  expect((await endOf('{"type":"ping"}')).ended).toMatchObject({ code: 4499 });
});

test('one that answers its pings keeps it, however long nothing else comes', async () => {
  const { ended, heard } = await endOf('{"type":"pong"}');
  expect([ended, heard() >= 30]).toEqual([undefined, true]);
});
