import { expect, test } from 'vitest';
import { createClient } from '#client';
import { startFakeGateway } from '../../../../test/support/fake-gateway.js';
import type { Context } from '../context.js';
import type { Values } from './command.js';
import { submit } from './submit.js';
import { type Played, play } from './testkit/play.js';

const DONE = { submitRun: { replayed: false, run: { id: 'r1', state: 'READY' }, userErrors: [] } };
const submitted = async (values: Values): Promise<Played> =>
  await play([submit], 'submit', values, DONE);

test.each<readonly [Values, object]>([
  [{ shell: 'true' }, { spec: { kind: 'shell', command: 'true' } }],
  [{ shell: 'true', timeout: '90s' }, { spec: { kind: 'shell', command: 'true', timeout: '90s' } }],
  [{ http: 'https://a.test/b' }, { spec: { kind: 'http', url: 'https://a.test/b' } }],
  [
    { spec: '{"kind":"shell","command":"x","timeout":"1h"}', timeout: '2s' },
    { spec: { kind: 'shell', command: 'x', timeout: '2s' } },
  ],
  [
    { job: 'a', labels: ['team=data'] },
    { job: 'a', labels: { team: 'data' } },
  ],
])('%j submits %j', async (values, input) => {
  expect((await submitted(values)).variables).toEqual({ input: { project: 'demo', ...input } });
});

test.each<readonly [Values, string]>([
  [{}, 'Say what to run: --job NAME, --shell'],
  [{ http: 'a.test' }, "--http is an address like https://example.org/ping, not 'a.test'."],
  [{ http: 'file:///etc/passwd' }, '--http is an address'],
  [{ http: 'https://a.test', spec: '{}' }, 'Both --http and --spec are given'],
  [{ spec: '[]' }, '--spec is a JSON object'],
  [{ spec: '{' }, '--spec is not JSON'],
  [{ job: 'a', timeout: '5m' }, '--wait-timeout'],
  [{ shell: '' }, '--shell is a command'],
  [{ job: 'a', 'wait-timeout': '5s' }, '--wait-timeout is for --wait'],
  [{ shell: 'true', timeout: 'x' }, '--timeout is a length of time'],
])('%j is refused before anything is asked', async (values, sentence) => {
  const message = expect.stringContaining(sentence) as string;
  await expect(submitted(values)).rejects.toMatchObject({ message, exitCode: 2 });
});

test('another run that stands for it is said to be one', async () => {
  const run = { id: 'r0', state: 'RUNNING', reusedFrom: null };
  const held = { submitRun: { replayed: true, run, userErrors: [] } };
  const { err, out } = await play([submit], 'submit', { job: 'a' }, held);
  expect(JSON.parse(err)).toEqual({
    notice: 'run r0 was there already and stands for this submission',
  });
  expect(JSON.parse(out)).toMatchObject({ id: 'r0', replayed: true });
  expect((await submitted({ job: 'a' })).err).toBe('');
});

test('a submission that may have been taken says how to repeat it', async () => {
  const fake = await startFakeGateway();
  fake.answer = () => ({ errors: [{ message: 'Away.', extensions: { code: 'UNAVAILABLE' } }] });
  const client = createClient({ url: fake.url, patience: { attemptsMax: 1 } });
  const context = { format: 'table', project: 'demo', client } as unknown as Context;
  const failed = submit.run(context, { job: 'a' }, []);
  const sentence =
    /\(UNAVAILABLE\) It may have been done: repeat it with --idempotency-key (\S+)\.$/;
  await expect(failed).rejects.toThrow(sentence);
  const [, key] = sentence.exec(String(await failed.catch((error: unknown) => error))) ?? [];
  expect(fake.asked[0]?.variables['input']).toMatchObject({ idempotencyKey: key });
  await client.close();
  await fake.stop();
});
