import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import type { Client } from '#client';
import { MAX_MESSAGE_BYTES } from '#protocol';
import { Follower } from '../chaos/history.js';
import { Orrery } from '../support/orrery.js';
import { eventually, readRun, stateOfExecutor, submit, succeeded } from '../support/runs.js';
import { Wire, topics } from '../support/wire.js';

const BOUND_MS = 20_000;
/** A run after the poison is as quick as one before: the bound is for a busy machine. */
const SOON_MS = 5_000;
const COPIES = 5;
const TEN_MB = Buffer.alloc(10 * 1024 * 1024, '[');
const SAID = 'a message makes no sense and is dropped';
const X = 'executor-1';

const orrery = new Orrery();
/** The gateway listens to the live stream as long as somebody follows it. */
const follower = new Follower(orrery);
let client: Client;
let wire: Wire;
let threads: readonly string[];

beforeAll(async () => {
  const { mqtt } = await orrery.start();
  client = orrery.client();
  wire = await Wire.open(mqtt);
  await wire.hear(topics.schedulerPresence('+'));
  const born = (): string[] =>
    [...wire.newest.keys()].map((topic) => topic.split('/').at(-1) ?? '');
  await until(() => born().length > 0, BOUND_MS);
  threads = born();
  await follower.start();
}, 90_000);
afterAll(async () => {
  wire?.close();
  await follower.stop();
  await client?.close();
  await orrery.remove();
}, 30_000);

const LISTENERS = ['scheduler', 'executor', 'gateway'] as const;
type Listener = (typeof LISTENERS)[number];

/** Every topic that somebody listens on. */
function targets(): readonly { readonly topic: string; readonly by: Listener }[] {
  const by = (listener: Listener, ...names: readonly string[]) =>
    names.map((topic) => ({ topic, by: listener }));
  return [
    ...by('scheduler', topics.executorPresence(X), topics.executorPresence('x-unknown')),
    ...by('scheduler', topics.schedulerPresence('t-unknown'), topics.liveWant),
    ...by('scheduler', topics.beat(X), topics.beat('x-unknown')),
    ...threads.flatMap((thread) => [
      ...by('scheduler', topics.threadIn(thread), topics.up(thread, X), topics.log(thread, X)),
      ...by('gateway', topics.live(thread)),
    ]),
    ...by('executor', topics.down(X)),
  ];
}

/** By what is said of them; presence has no envelope, and says `wrong-schema` of all. */
const POISON: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  'not-json': ['{', '\u0000', Buffer.from([0xff, 0xfe, 0x00, 0x80]), '[1,"x","s",[]'],
  'wrong-schema': [
    ...['null', '7', '{}', '[]', '[1]', '[1,7,"s",[]]', `[1,"${X}","s",[["?"]]]`],
    ...[
      `[1,"${X}","s",[["c",0]]]`,
      `[1,"${X}","s",[["c","0",[]]]]`,
      `[1,"${X}","s",[["r",0,null]]]`,
    ],
    ...['{"v":1,"state":"birth","session":"s"}', '{"v":1,"state":"asleep","session":"s"}'],
  ],
  'unknown-version': [`[2,"${X}","s",[]]`, '["1"]', '{"v":2,"state":"death","session":"s"}'],
  'too-large': [Buffer.alloc(MAX_MESSAGE_BYTES + 1, '[')],
};

const linesOf = (name: Listener): Readonly<Record<string, unknown>>[] =>
  orrery.log(name).filter(({ message }) => message === SAID);
const isSaid = (name: Listener, why: string): boolean =>
  linesOf(name).some((line) => line['why'] === why);

/** The system goes on: the same processes, an executor that is given work, a run that ends. */
async function expectUnharmed(before: unknown): Promise<void> {
  await succeeded(client, await submit(client, { job: 'noop' }), SOON_MS);
  const spec = { kind: 'shell', command: 'echo still here' };
  await succeeded(client, await submit(client, { spec }), SOON_MS);
  expect(await stateOfExecutor(client)).toBe('ACTIVE');
  expect(orrery.endpoint().processes).toEqual(before);
  expect(orrery.text).not.toContain('started again');
  for (const name of LISTENERS) {
    expect(orrery.log(name).filter(({ level }) => level === 'error')).toEqual([]);
  }
}

test('what makes no sense is dropped, on every topic, and said once a minute', async () => {
  await eventually(
    () => stateOfExecutor(client),
    (state) => state === 'ACTIVE',
    BOUND_MS,
  );
  const before = orrery.endpoint().processes;
  const spec = { kind: 'shell', command: 'sleep 600' };
  const running = await submit(client, { spec });
  await eventually(
    () => readRun(client, running),
    ({ state }) => state === 'RUNNING',
    BOUND_MS,
  );
  const began = performance.now();
  for (const [why, payloads] of Object.entries(POISON)) {
    // Large ones are dear to everybody: once is enough.
    for (let n = 0; n < (why === 'too-large' ? 1 : COPIES); n++) {
      for (const { topic } of targets()) {
        for (const payload of payloads) await wire.say(topic, payload);
      }
    }
  }
  expect(wire.isClosed).toBe(false);
  await expectUnharmed(before);
  expect((await readRun(client, running)).state).toBe('RUNNING');

  // A log line crosses a pipe first. All are looked at before it fails, to tell of all.
  const silent = (): string[] =>
    LISTENERS.flatMap((name) =>
      Object.keys(POISON).flatMap((why) => (isSaid(name, why) ? [] : [`${name}: ${why}`])),
    );
  await eventually(
    () => Promise.resolve(silent()),
    (left) => left.length === 0,
    SOON_MS,
  );
  // Hundreds of each came: a thread says each kind once, with where it came from.
  expect(performance.now() - began).toBeLessThan(60_000);
  for (const name of LISTENERS) {
    const said = linesOf(name).map(({ role, why }) => `${String(role)} ${String(why)}`);
    expect(said).toEqual([...new Set(said)]);
    for (const { topic, level } of linesOf(name)) {
      expect(topic).toMatch(/^orrery\/v1\/main\//);
      expect(level).toBe('warn');
    }
  }
}, 120_000);

test('a sound envelope with nonsense inside is dropped too', async () => {
  const before = orrery.endpoint().processes;
  const text = JSON.stringify('no row');
  for (const thread of threads) {
    for (const items of [
      ...[`["s",0,${text}]`, '["s",-1,""]', '["s",99999,"[]"]', '["n",-7]', '["n",99999]'],
      ...['["m","nowhere",99999,"no-run","no-executor"]', '["g","","",""]', '["f","a","b","c"]'],
    ]) {
      await wire.say(topics.threadIn(thread), `[1,"stranger","",[${items}]]`);
    }
    // Of another than the one whose topic it is.
    await wire.say(topics.up(thread, X), '[1,"stranger","s",[]]');
    await wire.say(topics.log(thread, X), '[1,"stranger","s",[]]');
  }
  await wire.say(topics.down(X), '[1,"stranger","another session",[["b"]]]');
  await expectUnharmed(before);
  await until(() => isSaid('scheduler', 'wrong-sender'), SOON_MS);
}, 60_000);

test('10 MB never get past the broker, which hangs up on their sender alone', async () => {
  const before = orrery.endpoint().processes;
  const places = targets();
  for (const { topic } of places) {
    const sender = await Wire.open(orrery.endpoint().mqtt);
    sender.fling(topic, TEN_MB);
    await until(() => sender.isClosed, BOUND_MS);
    sender.close();
  }
  expect(wire.isClosed).toBe(false);
  await wire.say(topics.liveWant, '[1,"","",[]]');
  const refused = (): number =>
    orrery.log('broker').filter(({ message }) => String(message).includes('above the bound'))
      .length;
  await until(() => refused() === places.length, SOON_MS);
  await expectUnharmed(before);
}, 120_000);
