import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EmbeddedOptions,
  EmbeddedProblem,
  type EmbeddedServer,
  startEmbedded,
} from './index.js';
import { keepSmall } from './launch.js';
import { isAlive, isServerOf, readPostmaster, stopServer, waitUntil } from './postmaster.js';
import { canReach, chooseServerUser } from './server-user.js';

const MAIN = path.resolve('dist/libs/postgres/src/embedded/main.js');
const BOUND_MS = 15_000;
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface Report {
  readonly ready: boolean;
  readonly url?: string;
  readonly pid?: number;
  readonly port?: number;
  readonly problem?: string;
}

let directory: string;
let children: ChildProcess[];

beforeEach(() => {
  children = [];
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery embedded '));
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  const left = readPostmaster(path.join(directory, 'data'));
  if (left && isServerOf(left.pid, path.join(directory, 'data')))
    await stopServer(left.pid, { fastMs: 5_000, immediateMs: 1_000 });
  fs.rmSync(directory, { recursive: true, force: true });
});

const start = (more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedServer> =>
  startEmbedded({ directory, log, ...more });

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows.flatMap(Object.values);
  } finally {
    await client.end();
  }
}

function forkMain(ids: { uid?: number; gid?: number } = {}, port = 0): ChildProcess {
  const child = fork(MAIN, [JSON.stringify({ directory, port })], { ...ids, stdio: 'pipe' });
  children.push(child);
  return child;
}

async function reportOf(child: ChildProcess): Promise<Report> {
  const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(BOUND_MS) })) as [
    Report,
  ];
  return message;
}

const dead = (pid: number | undefined): Promise<boolean> =>
  waitUntil(() => pid !== undefined && !isAlive(pid), BOUND_MS);

describe('startEmbedded', () => {
  it('makes the database, keeps what was committed, and stops twice', async () => {
    const first = await start();
    expect(await query(first.url, 'select current_database()')).toEqual(['orrery']);
    await query(first.url, 'create table kept (n int)');
    await first.stop();
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start({ port: first.port });
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'select count(*)::int from kept')).toEqual([0]);
    const durable = "select setting from pg_settings where name ~ '^(fsync|synchronous_commit)$'";
    expect(await query(second.url, durable)).toEqual(['on', 'on']);
    await second.stop();
  });

  it('starts again after kill -9 of the server, at once', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 7 as n');
    process.kill(first.pid, 'SIGKILL');
    const second = await start({ port: first.port });
    expect(second.pid).not.toBe(first.pid);
    expect(await query(second.url, 'select n from kept')).toEqual([7]);
    await first.exited;
    await second.stop();
  });

  it('removes a pid file whose pid belongs to a stranger by now', async () => {
    const first = await start();
    const file = path.join(directory, 'data', 'postmaster.pid');
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    await first.stop();
    fs.writeFileSync(file, [process.pid, ...lines.slice(1)].join('\n'));
    const second = await start();
    expect(await query(second.url, 'select 1')).toEqual([1]);
    await second.stop();
  });

  it('refuses the data of another version with what to do', async () => {
    const data = path.join(directory, 'data');
    fs.mkdirSync(data);
    fs.writeFileSync(path.join(data, 'PG_VERSION'), '42\n');
    await expect(start()).rejects.toThrow(EmbeddedProblem);
    await expect(start()).rejects.toThrow(/is of PostgreSQL 42 and this Orrery carries 18: .*\.$/);
  });

  it('refuses a folder that cannot be written, and one of something else', async () => {
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, '');
    await expect(start({ directory: path.join(file, 'x') })).rejects.toThrow(/cannot be written/);
    fs.mkdirSync(path.join(directory, 'data'));
    fs.writeFileSync(path.join(directory, 'data', 'diary.txt'), '');
    await expect(start()).rejects.toThrow(/not a PostgreSQL database/);
  });

  it('names a setting that PostgreSQL does not take', async () => {
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      /invalid value for parameter "shared_buffers"/,
    );
  });

  it.runIf(process.getuid?.() === 0)('serves below a folder closed to its user', async () => {
    const inner = path.join(directory, 'private', 'home');
    fs.mkdirSync(inner, { recursive: true });
    fs.chmodSync(path.join(directory, 'private'), 0o700);
    expect(canReach(inner, chooseServerUser(path.join(inner, 'data')))).toBe(false);
    const server = await start({ directory: inner });
    expect(await query(server.url, 'select 1')).toEqual([1]);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    const again = await start({ directory: inner });
    expect(await query(again.url, 'select 1')).toEqual([1]);
    await again.stop();
  });
});

describe('the role postgres', () => {
  it('reports, and ends with its server: 0 when asked, 1 when not', async () => {
    const first = forkMain();
    const report = await reportOf(first);
    expect(report).toMatchObject({ ready: true });
    expect(await query(report.url ?? '', 'select 1')).toEqual([1]);
    const firstExit = once(first, 'exit');
    process.kill(report.pid ?? 0, 'SIGKILL');
    expect(await firstExit).toEqual([1, null]);
    const second = forkMain();
    const again = await reportOf(second);
    const secondExit = once(second, 'exit');
    second.disconnect();
    expect(await secondExit).toEqual([0, null]);
    expect(await dead(again.pid)).toBe(true);
  });

  it('leaves a server that the next start adopts, or replaces when it differs', async () => {
    const first = forkMain();
    const report = await reportOf(first);
    const gone = once(first, 'exit');
    first.kill('SIGKILL');
    await gone;
    expect(isAlive(report.pid ?? 0)).toBe(true);
    const adopting = forkMain({}, report.port);
    expect(await reportOf(adopting)).toEqual(report);
    const goneToo = once(adopting, 'exit');
    adopting.kill('SIGKILL');
    await goneToo;
    const other = await start({ settings: { work_mem: '8MB' }, ...portOf(report) });
    expect(other.pid).not.toBe(report.pid);
    expect(other.url).toBe(report.url);
    expect(await query(other.url, 'show work_mem')).toEqual(['8MB']);
    await other.stop();
  });

  it('reports a problem in one sentence', async () => {
    fs.mkdirSync(path.join(directory, 'data'));
    fs.writeFileSync(path.join(directory, 'data', 'PG_VERSION'), '42\n');
    const child = forkMain();
    const exit = once(child, 'exit');
    const report = await reportOf(child);
    expect(report.ready).toBe(false);
    expect(report.problem).toMatch(/PostgreSQL 42/);
    expect(await exit).toEqual([1, null]);
  });

  it.runIf(process.getuid?.() === 0)('works as an unprivileged user', async () => {
    const nobody = 65_534;
    fs.chownSync(directory, nobody, nobody);
    const child = forkMain({ uid: nobody, gid: nobody });
    const report = await reportOf(child);
    expect(report).toMatchObject({ ready: true });
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });
});

it('a log over its bound is kept once and begun anew', () => {
  const file = path.join(directory, 'some.log');
  fs.writeFileSync(file, 'x'.repeat(100));
  keepSmall(file, 100);
  expect(fs.statSync(file).size).toBe(100);
  keepSmall(file, 99);
  expect(fs.statSync(file).size).toBe(0);
  expect(fs.statSync(`${file}.1`).size).toBe(100);
});

function portOf(report: Report): { readonly port: number } {
  return { port: report.port ?? 0 };
}
