import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrowdFigures, measureCrowd } from '../../../bench/crowd.js';
import { Readers } from '../../../bench/readers.js';
import { Orrery } from '../support/orrery.js';

/** The short form of `npm run bench -- subscribers`, which measures how late events come. */
const SUBSCRIBERS = 200;
const SLOW = 20;
/** Longer than a socket may take nothing, with what it takes in beside. */
const RATE = 500;
const SECONDS = 10;
const NEVER_MS = 600_000;

const orrery = new Orrery(undefined, { ORRERY_EXECUTOR_SLOTS: '200' });
const [fast, slow] = [new Readers(), new Readers()];
let figures: CrowdFigures;

beforeAll(async () => {
  const { ws } = await orrery.start();
  const client = orrery.client();
  const target = { client, url: ws, key: orrery.key() };
  const settings = {
    ...{ subscribers: SUBSCRIBERS, slow: SLOW, slowMs: NEVER_MS },
    ...{ rate: RATE, seconds: SECONDS, warmUpSeconds: 0, resumed: SLOW },
  };
  try {
    ({ figures } = await measureCrowd(target, settings, fast, slow));
  } finally {
    await client.close();
  }
}, 240_000);
afterAll(async () => {
  await Promise.all([fast.close(), slow.close()]);
  await orrery.remove();
}, 30_000);

test('each reader has exactly what its filter lets through, each event once', () => {
  expect(figures.runs).toBe(RATE * SECONDS);
  expect(figures['fast exact']).toBe(SUBSCRIBERS - SLOW);
});

test('slow ones end with a resumable error', () => {
  expect(figures['slow ended']).toBe(`${SLOW} SLOW_CONSUMER`);
});

test('and lose nothing: from their cursor on they come to the whole', () => {
  expect(figures['resumed exact']).toBe(SLOW);
});
