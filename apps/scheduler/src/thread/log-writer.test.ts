import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Connection, type LogRow, Reader, readLogs } from '#postgres';
import type { LogChunk } from '#protocol';
import {
  PlainRuns,
  type TestDatabase,
  startTestDatabase,
} from '../../../../test/support/database.js';
import { LogWriter } from './log-writer.js';

const KIB = 1_024;
const quiet = (): void => undefined;
let database: TestDatabase;
let reader: Reader;
let project: string;
let runs: PlainRuns;
let connection: Connection;
let asked: string[];
let warned: unknown[];
let nowMs: number;
let writer: LogWriter;

beforeAll(async () => {
  database = await startTestDatabase(4);
  reader = new Reader({ url: database.url, name: 'test', role: 'orrery_gateway_read' });
  runs = new PlainRuns(database.admin);
  project = await runs.project('demo');
  await runs.project('other');
}, 60_000);
afterAll(async () => {
  await reader.stop();
  await database.stop();
});
beforeEach(() => {
  [asked, warned, nowMs] = [[], [], 0];
  connection = new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test' });
  const query = connection.query.bind(connection);
  connection.query = async (name, ...rest) => {
    asked.push(name);
    return await query(name, ...rest);
  };
  writer = newWriter();
});
afterEach(async () => {
  await writer.stop();
  await connection.stop();
});

const newWriter = (): LogWriter => {
  const warn = (_text: string, fields: unknown): void => void warned.push(fields);
  return new LogWriter(connection, { debug: quiet, info: quiet, error: quiet, warn }, () => nowMs);
};

/** A run of partition 1, whose attempts that have ended are these executors'. */
const newRun = (ended: readonly string[], policy: object = {}): Promise<string> =>
  runs.submit(project, ended, policy);
const grant = (run: string, attempt: number, executor: string): Promise<void> =>
  runs.grant(run, attempt, executor);

const chunk = (run: string, body: string, more: Partial<LogChunk> = {}): LogChunk => ({
  ...{ kind: 'chunk', partition: 1, run, attempt: 1, stream: 'stdout', offset: 0 },
  ...{ project: 'demo', day: new Date().toISOString().slice(0, 10), body },
  ...more,
});
/** It is handled, whatever became of it. */
async function write(executor: string, ...chunks: readonly LogChunk[]): Promise<void> {
  writer.add(executor, chunks);
  await new Promise<void>((resolve) => writer.after(executor, resolve));
  await writer.stop();
}
async function logOf(run: string, after = 0, limit = 10_000): Promise<readonly LogRow[]> {
  const [page] = await readLogs(reader, [{ project, run, attempt: null, after }], limit);
  return page?.rows ?? [];
}
const textsOf = async (run: string): Promise<string[]> =>
  (await logOf(run)).map(({ text }) => text);

describe('whose a log is', () => {
  it('is the executor that has the attempt, or had it', async () => {
    const run = await newRun(['x1', 'x2']);
    await grant(run, 3, 'x3');
    await write('x1', chunk(run, '1 by x1'), chunk(run, '3 by x1', { attempt: 3 }));
    await write('x2', chunk(run, '2 by x2', { attempt: 2 }), chunk(run, '1 by x2'));
    await write('x3', chunk(run, '3 by x3', { attempt: 3 }), chunk(run, '4', { attempt: 4 }));
    expect(await textsOf(run)).toEqual(['1 by x1', '2 by x2', '3 by x3']);
    expect([writer.foreign, writer.dropped]).toEqual([3, 3]);
    expect(warned).toEqual([{ executor: 'x1', run, attempt: 3 }]);
  });

  it('is still that of the attempt when its run has ended', async () => {
    const run = await newRun(['x1']);
    await runs.finish(run);
    await write('x1', chunk(run, 'last words'));
    await write('x2', chunk(run, 'forged', { offset: 100 }));
    expect(await textsOf(run)).toEqual(['last words']);
  });

  it('is not what the chunk says: neither the partition nor the project', async () => {
    const run = await newRun(['x1']);
    await write('x1', chunk(run, 'mine', { partition: 3, project: 'other' }));
    await write('x1', chunk(randomUUID(), 'of no run'), chunk(run, 'x', { day: '2026-02-31' }));
    expect(await textsOf(run)).toEqual(['mine']);
    const { rows } = await database.admin.query('select distinct project from log_chunk');
    expect(rows).toEqual([{ project }]);
  });

  it('is looked up once, and again when a refusal may be out of date', async () => {
    const run = await newRun([]);
    for (let offset = 0; offset < 5; offset++) await write('x1', chunk(run, 'n', { offset }));
    const lookups = (): number => asked.filter((name) => name === 'log_sources').length;
    expect([lookups(), writer.foreign]).toEqual([1, 5]);
    await grant(run, 1, 'x1');
    nowMs = 5_000;
    for (let offset = 5; offset < 9; offset++) await write('x1', chunk(run, 'y', { offset }));
    expect(await textsOf(run)).toEqual(['y', 'y', 'y', 'y']);
    expect(lookups()).toBe(2);
  });
});

const LIMIT = 64 * KIB;
const SIZE = 4 * KIB;
/** So many chunks of 4 KiB from the nth on; each says where it stands. */
const many = (run: string, from: number, to: number, more: Partial<LogChunk> = {}): LogChunk[] =>
  Array.from({ length: to - from }, (_, i) => {
    const offset = (from + i) * SIZE;
    return chunk(run, String(offset).padEnd(SIZE), { offset, ...more });
  });
const STREAMS = [0, 1, 2] as const;
/** Nothing repeated, nothing missing unsaid: each stream's places add up from its beginning. */
function checkPlaces(rows: readonly LogRow[]): void {
  for (const stream of STREAMS) {
    let end = 0;
    for (const { offset, text, gap } of rows.filter((row) => row.stream === stream)) {
      expect(offset).toBe(end + (gap ?? 0));
      expect(text).toBe(String(offset).padEnd(text.length));
      end = offset + text.length;
    }
  }
}
const bytesOf = (rows: readonly LogRow[]): number =>
  rows.reduce((sum, { text }) => sum + text.length, 0);

describe('a log over its bound', () => {
  it('keeps its first and its last half, and says what is missing', async () => {
    const run = await newRun(['x'], { outputBytesMax: LIMIT });
    for (let at = 0; at < 300; at += 5) {
      await write('x', ...many(run, at, at + 5));
      const rows = await logOf(run);
      checkPlaces(rows);
      // The newest is there at once, whatever goes meanwhile.
      expect(rows.at(-1)?.offset).toBe((at + 4) * SIZE);
      expect(bytesOf(rows)).toBeLessThanOrEqual(LIMIT * 1.125 + 5 * SIZE);
    }
    const rows = await logOf(run);
    expect(rows.slice(0, 8).map(({ offset }) => offset)).toEqual(
      many(run, 0, 8).map(({ offset }) => offset),
    );
    expect(rows.filter(({ gap }) => gap !== null)).toHaveLength(1);
    expect(rows[8]?.gap).toBe((rows[8]?.offset ?? 0) - 8 * SIZE);
  });

  it('keeps to it over all streams, and each tells its own gap', async () => {
    const run = await newRun(['x'], { outputBytesMax: LIMIT });
    for (let at = 0; at < 60; at += 3) {
      const stderr = at < 30 || at >= 57 ? many(run, at, at + 1, { stream: 'stderr' }) : [];
      const places = stderr.map((each) => ({ ...each, offset: (at / 3) * SIZE }));
      const told = places.map((each) => ({ ...each, body: String(each.offset).padEnd(SIZE) }));
      await write('x', ...many(run, at, at + 3), ...told);
      checkPlaces(await logOf(run));
    }
    const rows = await logOf(run);
    expect(bytesOf(rows)).toBeLessThanOrEqual(LIMIT * 1.125 + 4 * SIZE);
    expect(new Set(rows.map(({ stream }) => stream))).toEqual(new Set([0, 1]));
  });

  it('is read on from any place without a repeated byte while it is cut', async () => {
    const run = await newRun(['x'], { outputBytesMax: LIMIT });
    let isWritten = false;
    const writing = (async () => {
      for (let at = 0; at < 400; at += 4) await write('x', ...many(run, at, at + 4));
      isWritten = true;
    })();
    const seen: LogRow[] = [];
    for (;;) {
      const isLast = isWritten;
      const rows = await logOf(run, seen.at(-1)?.seq ?? 0, 3);
      for (const row of rows) {
        const last = seen.at(-1);
        const end = (last?.offset ?? -SIZE) + SIZE;
        expect(row.offset).toBeGreaterThanOrEqual(end);
        // What has gone since may be more than what this reader misses, never less.
        if (row.offset > end) expect(row.gap).toBeGreaterThanOrEqual(row.offset - end);
        seen.push(row);
      }
      if (rows.length === 0 && isLast) break;
    }
    await writing;
    expect(seen.at(-1)?.offset).toBe(399 * SIZE);
  });

  it('is counted anew by who takes over, and said again it does not come back', async () => {
    const run = await newRun(['x'], { outputBytesMax: LIMIT });
    await write('x', ...many(run, 0, 17));
    writer = newWriter();
    await write('x', ...many(run, 17, 20));
    expect(bytesOf(await logOf(run))).toBe(LIMIT);
    await write('x', ...many(run, 17, 20), ...many(run, 20, 21));
    checkPlaces(await logOf(run));
    expect((await logOf(run)).map(({ offset }) => offset).slice(-2)).toEqual([
      19 * SIZE,
      20 * SIZE,
    ]);
  });

  it('of 64 MiB when its job says nothing', async () => {
    const run = await newRun(['x']);
    const body = 'x'.repeat(32 * KIB);
    const count = (80 * KIB) / 32;
    for (let at = 0; at < count; at += 128) {
      const chunks = Array.from({ length: 128 }, (_, i) => {
        return chunk(run, body, { offset: (at + i) * body.length });
      });
      await write('x', ...chunks);
    }
    const { rows } = await database.admin.query(
      `select sum(bytes)::float8 as bytes, max(gap)::float8 as gap, count(gap)::int4 as gaps,
        max("offset")::float8 as last from log_chunk where run = $1`,
      [run],
    );
    const bytes = Number(rows[0]?.['bytes']);
    expect(bytes).toBeGreaterThanOrEqual(64 * KIB * KIB);
    expect(bytes).toBeLessThanOrEqual(76 * KIB * KIB);
    expect(rows[0]).toMatchObject({ gaps: 1, last: (count - 1) * body.length });
    expect(Number(rows[0]?.['gap']) + bytes).toBe(80 * KIB * KIB);
  }, 60_000);
});

it('what waits for the database is bounded in bytes: the oldest go', async () => {
  const run = await newRun(['x']);
  const body = 'x'.repeat(32 * KIB);
  const count = 2_000;
  const chunks = Array.from({ length: count }, (_, i) => {
    return chunk(run, body, { offset: i * body.length });
  });
  writer.add('x', chunks);
  expect(writer.dropped).toBe(count - 1_024);
  await writer.stop();
  const rows = await logOf(run);
  expect(rows).toHaveLength(1_024);
  expect(rows[0]?.gap).toBe((count - 1_024) * body.length);
});
