import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeGateway, startFakeGateway } from '../../../test/support/fake-gateway.js';
import { type Client, createClient } from './client.js';
import { millisecondsOf } from './patience.js';
import type { RequestError } from './result.js';
import { type TestWeather, testWeather } from './testkit/weather.js';

const SUBMIT = 'mutation($input: SubmitRunInput!) { submitRun(input: $input) { replayed } }';
const DONE = { data: { submitRun: { replayed: false } } };
const failed = (code: string, more: object = {}): object => ({
  errors: [{ message: 'Not now.', extensions: { code, ...more } }],
});

let fake: FakeGateway;
let weather: TestWeather;
let client: Client;

beforeEach(async () => {
  fake = await startFakeGateway();
  weather = testWeather();
  client = createClient({ url: fake.url, weather });
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

const keys = (): unknown[] =>
  fake.asked.map(
    ({ variables }) => (variables['input'] as { idempotencyKey?: string }).idempotencyKey,
  );
function answers(...bodies: readonly (object | string)[]): void {
  const left = [...bodies];
  fake.answer = () => left.shift() ?? DONE;
}

const A_KEY: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);

describe('a mutation', () => {
  test.each([undefined, null])('with the key %s has one of its own', async (idempotencyKey) => {
    answers(failed('UNAVAILABLE'));
    await client.mutate(SUBMIT, { job: 'a', idempotencyKey });
    expect(keys()).toEqual([A_KEY, A_KEY]);
    expect(new Set(keys()).size).toBe(1);
  });

  test('is sent again under the same key until it is answered', async () => {
    answers(failed('UNAVAILABLE'), failed('OPERATION_TIMEOUT'));
    const answer = await client.mutate(SUBMIT, { project: 'demo' });
    expect(answer).toEqual({ ok: true, value: DONE.data });
    expect(fake.asked).toHaveLength(3);
    expect(keys()[0]).toEqual(A_KEY);
    expect(new Set(keys()).size).toBe(1);
    await client.mutate(SUBMIT, { project: 'demo' });
    expect(new Set(keys()).size).toBe(2);
  });

  test('keeps the key that it was given, and gives one to each item that has none', async () => {
    await client.mutate(SUBMIT, { idempotencyKey: 'mine' });
    expect(keys()).toEqual(['mine']);
    await client.mutate(SUBMIT, { project: 'demo', items: [{ idempotencyKey: 'a' }, {}] });
    expect(fake.asked[1]?.variables['input']).toEqual({
      project: 'demo',
      items: [{ idempotencyKey: 'a' }, { idempotencyKey: A_KEY }],
    });
  });

  test('that is given up names the key under which it is safe to send again', async () => {
    fake.answer = () => failed('UNAVAILABLE');
    const hasty = createClient({ url: fake.url, weather, patience: { attemptsMax: 1 } });
    const one = await hasty.mutate(SUBMIT, {});
    const [key] = keys();
    expect(one).toMatchObject({ errors: [{ code: 'UNAVAILABLE', idempotencyKey: key }] });
    const items = [{ idempotencyKey: 'a' }, { idempotencyKey: 'b' }];
    const many = await hasty.mutate(SUBMIT, { items });
    expect(many).toMatchObject({ errors: [{ idempotencyKeys: ['a', 'b'] }] });
    fake.answer = () => failed('FORBIDDEN');
    const refused = await hasty.mutate(SUBMIT, {});
    expect(refused).toEqual({
      ok: false,
      errors: [expect.not.objectContaining({ idempotencyKey: A_KEY })],
    });
  });

  test('of many names the key of each item that was UNAVAILABLE, and of no other', async () => {
    const item = (code: string) => ({ run: null, userErrors: [{ code, message: 'No.' }] });
    const done = { run: { id: 'r1' }, userErrors: [] };
    const results = [done, item('UNAVAILABLE'), item('INVALID_VALUE')];
    fake.answer = () => ({ data: { submitRuns: { accepted: 1, results } } });
    const answer = await client.mutate<{ submitRuns: unknown }>(SUBMIT, { items: [{}, {}, {}] });
    const sent = fake.asked[0]?.variables['input'] as { items: { idempotencyKey: string }[] };
    const [, unavailable] = sent.items;
    const error = { code: 'UNAVAILABLE', message: 'No.' };
    expect(answer).toEqual({
      ok: true,
      value: {
        submitRuns: {
          accepted: 1,
          results: [
            done,
            { run: null, userErrors: [{ ...error, idempotencyKey: unavailable?.idempotencyKey }] },
            item('INVALID_VALUE'),
          ],
        },
      },
    });
  });

  test('whose connection is lost before the answer is sent again', async () => {
    let asked = 0;
    const server = http.createServer((request, response) => {
      asked++;
      if (asked === 1) request.socket.destroy();
      else if (asked === 2) response.writeHead(503).end('<html>away</html>');
      else response.end(JSON.stringify(DONE));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const cut = createClient({ url: `http://127.0.0.1:${port}/graphql`, weather });
    expect(await cut.mutate(SUBMIT, {})).toEqual({ ok: true, value: DONE.data });
    expect(asked).toBe(3);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('waits as long as it is told and no less, and longer by chance', async () => {
    answers(failed('RATE_LIMITED', { retryAfter: '1m30s' }), failed('UNAVAILABLE'));
    weather.chance = 0.5;
    const patient = createClient({ url: fake.url, weather, patience: { withinMs: 120_000 } });
    await patient.mutate(SUBMIT, {});
    expect(weather.waited).toEqual([90_050, 100]);
  });

  test('gives up after so many tries or when there is no time left', async () => {
    fake.answer = () => failed('UNAVAILABLE');
    const told: string[] = [];
    const repeating = ({ code }: RequestError): void => void told.push(code);
    const patience = { attemptsMax: 3, repeating };
    const hasty = createClient({ url: fake.url, weather, patience });
    expect(await hasty.mutate(SUBMIT, {})).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(fake.asked).toHaveLength(3);
    expect(told).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    fake.answer = () => failed('RATE_LIMITED', { retryAfter: '2h' });
    expect(await client.mutate(SUBMIT, {})).toMatchObject({
      errors: [{ code: 'RATE_LIMITED', retryAfter: '2h' }],
    });
    expect(fake.asked).toHaveLength(4);
  });

  test('that must be answered is not repeated when nobody is there at first', async () => {
    const told: string[] = [];
    const repeating = ({ code }: RequestError): void => void told.push(code);
    const patience = { mustAnswer: true, repeating };
    const hasty = createClient({ url: fake.url, weather, patience });
    answers(failed('UNAVAILABLE'));
    expect(await hasty.mutate(SUBMIT, {})).toMatchObject({ ok: true });
    expect(told).toEqual(['UNAVAILABLE']);
    const other = await startFakeGateway();
    await other.stop();
    const { url } = other;
    const refused = await createClient({ url, weather, patience }).mutate(SUBMIT, {});
    const error = { code: 'UNREACHABLE', errno: 'ECONNREFUSED', message: expect.any(String) };
    // Nobody has had it: no key is worth a word.
    expect(refused).toEqual({ ok: false, errors: [error] });
    expect(told).toHaveLength(1);
    await createClient({ url, weather, patience: { repeating } }).mutate(SUBMIT, {});
    expect(told).toHaveLength(8);
  });

  test.each(['FORBIDDEN', 'BAD_USER_INPUT', 'INTERNAL'])('is not repeated on %s', async (code) => {
    fake.answer = () => failed(code);
    expect(await client.mutate(SUBMIT, {})).toMatchObject({ ok: false, errors: [{ code }] });
    expect(fake.asked).toHaveLength(1);
  });
});

test.each([
  ['250ms', 250],
  ['1s', 1_000],
  ['1h30m', 5_400_000],
  ['soon', 0],
])('%s are %i ms', (text, expected) => {
  expect(millisecondsOf(text)).toBe(expected);
});
