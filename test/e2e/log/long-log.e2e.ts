import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Orrery } from '../support/orrery.js';
import { readRun, submit } from '../support/runs.js';
import { memoryMb } from '../support/usage.js';

/** In CI the short form; the issue's own size is ORRERY_E2E_LOG_MB=50. */
const MB = 1_000_000;
const BYTES = Number(process.env['ORRERY_E2E_LOG_MB'] ?? 5) * MB;
const BYTES_A_SECOND = 2 * MB;
const TICK_MS = 50;
/** Each line says where it stands and when it was written. */
const LINE = 100;
const LINES = BYTES / LINE;
const FILLER = 'x'.repeat(LINE - 8 - 1 - 13 - 1 - 1);
const PROGRAM = `const began = Date.now(); let n = 0;
  const timer = setInterval(() => {
    const due = (Date.now() - began) * ${BYTES_A_SECOND / 1_000 / LINE};
    let text = "";
    for (; n < due && n < ${LINES}; n++) {
      text += String(n).padStart(8, "0") + " " + Date.now() + " ${FILLER}\\n";
    }
    process.stdout.write(text);
    if (n === ${LINES}) clearInterval(timer);
  }, ${TICK_MS});`;
const SEEN_WITHIN_MS = 1_000;
const GROWTH_MB_MAX = 120;
const RUN_LOG = `subscription ($run: ID!, $after: Cursor) {
  runLog(run: $run, after: $after) { cursor stream offset text gapBytes } }`;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

interface Chunk {
  readonly cursor: string;
  readonly stream: string;
  readonly offset: string;
  readonly text: string;
  readonly gapBytes: number | null;
}

/** What has come so far, checked byte by byte. */
class Reading {
  bytes = 0;
  after: string | null = null;
  readonly seenAfterMs: number[] = [];
  private rest = '';
  private lines = 0;

  take({ cursor, stream, offset, text, gapBytes }: Chunk): void {
    expect([stream, offset, gapBytes]).toEqual(['STDOUT', String(this.bytes), null]);
    this.after = cursor;
    this.bytes += text.length;
    this.rest += text;
    let at = 0;
    for (; this.rest.length - at >= LINE; at += LINE) this.takeLine(this.rest.slice(at, at + LINE));
    this.rest = this.rest.slice(at);
  }

  private takeLine(line: string): void {
    const number = String(this.lines).padStart(8, '0');
    const isGood = line.startsWith(`${number} `) && line.endsWith(` ${FILLER}\n`);
    if (!isGood) throw new Error(`line ${this.lines} is ${JSON.stringify(line)}`);
    this.lines += 1;
    this.seenAfterMs.push(Date.now() - Number(line.slice(9, 22)));
  }
}

/** Follows from where the reading stands until the log ends; cut for real when told so. */
async function follow(run: string, reading: Reading, isEnough: () => boolean): Promise<void> {
  const sockets: WebSocket[] = [];
  class Cuttable extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      sockets.push(this);
    }
  }
  const client = createClient({
    url: orrery.endpoint().ws,
    webSocketImpl: Cuttable,
    connectionParams: { authorization: `Bearer ${orrery.key()}` },
    retryAttempts: 0,
  });
  const { after } = reading;
  const log = client.iterate<{ runLog: Chunk }>({ query: RUN_LOG, variables: { run, after } });
  try {
    for await (const { data, errors } of log) {
      if (!data) throw new Error(JSON.stringify(errors));
      reading.take(data.runLog);
      if (isEnough()) for (const socket of sockets) socket.terminate();
    }
  } catch (error) {
    if (!isEnough()) throw error;
  }
  await client.dispose();
}

test(
  `a log of ${BYTES / MB} MB comes whole and soon, over cuts, in flat memory`,
  async () => {
    const client = orrery.client();
    const command = `'${process.execPath}' -e '${PROGRAM}'`;
    const run = await submit(client, { spec: { kind: 'shell', command } });
    const roles = ['executor', 'gateway'] as const;
    const memory = (): number[] => roles.map((role) => memoryMb(orrery.pidsOf(role)[0] ?? 0));
    const reading = new Reading();
    let early: number[] = [];
    const isPast = (share: number) => (): boolean => {
      if (early.length === 0 && reading.bytes >= BYTES / 5) early = memory();
      return reading.bytes >= BYTES * share;
    };
    await follow(run, reading, isPast(1 / 3));
    await follow(run, reading, isPast(2 / 3));
    await follow(run, reading, isPast(2));
    const late = memory();
    expect(reading.bytes).toBe(BYTES);
    expect(reading.seenAfterMs).toHaveLength(LINES);
    const slowest = reading.seenAfterMs.reduce((most, ms) => Math.max(most, ms), 0);
    const sorted = reading.seenAfterMs.toSorted((a, b) => a - b);
    const figures = { slowest, p50: sorted[LINES / 2], early, late };
    if (BYTES > 5 * MB) process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(slowest).toBeLessThan(SEEN_WITHIN_MS);
    const growth = roles.map((_, i) => (late[i] ?? 0) - (early[i] ?? 0));
    // Where a process does not tell its memory both are zero.
    expect(Math.max(...growth)).toBeLessThan(GROWTH_MB_MAX);
    expect((await readRun(client, run)).state).toBe('SUCCEEDED');
    await client.close();
  },
  30_000 + (BYTES / BYTES_A_SECOND) * 3_000,
);
