import { afterAll, beforeAll, expect, test } from 'vitest';
import { Orrery, cli } from './support/orrery.js';
import { readRun, submit } from './support/runs.js';

const LINES = 20;
/** Each line says when it was written. */
const PROGRAM = `let n = 0; const timer = setInterval(() => {
  console.log(n, Date.now()); if (++n === ${LINES}) clearInterval(timer); }, 100)`;
const SEEN_WITHIN_MS = 1_000;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

interface Told {
  readonly runLog: { readonly offset: string; readonly text: string; readonly gapBytes: unknown };
}
const RUN_LOG = 'subscription($id: ID!) { runLog(run: $id) { offset text gapBytes } }';
const linesOf = (text: string): number[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line.split(' ')[0])]));

test('a line is seen within a second of being written, while the job runs', async () => {
  const client = orrery.client();
  const command = `'${process.execPath}' -e '${PROGRAM}'`;
  const id = await submit(client, { spec: { kind: 'shell', command } });
  const printed = cli(orrery, ['runs', 'logs', id, '--follow']);
  const seenAfterMs: number[] = [];
  let firstSeenIn = '';
  let text = '';
  for await (const { runLog } of client.subscribe<Told>(RUN_LOG, { id })) {
    const writtenAt = Number(/^\d+ (\d+)$/m.exec(runLog.text)?.[1]);
    seenAfterMs.push(Date.now() - writtenAt);
    if (text === '') firstSeenIn = (await readRun(client, id)).state;
    expect(runLog).toMatchObject({ offset: String(text.length), gapBytes: null });
    text += runLog.text;
  }
  expect(seenAfterMs[0]).toBeLessThan(SEEN_WITHIN_MS);
  expect(firstSeenIn).toBe('RUNNING');
  expect(linesOf(text)).toEqual(Array.from({ length: LINES }, (_, n) => n));
  expect((await readRun(client, id)).state).toBe('SUCCEEDED');
  expect(await printed).toEqual({ code: 0, out: text, err: '' });
  await client.close();
}, 40_000);
