import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import {
  initialise,
  inspectData,
  makeDirectory,
  passwordOf,
  spokenPath,
} from './data-directory.js';
import { claimPort, keepSmall, launch, programOf } from './launch.js';
import {
  commandOf,
  isAlive,
  isServerOf,
  pidFile,
  readPostmaster,
  stopServer,
} from './postmaster.js';
import type { EmbeddedLog } from './problem.js';
import { findServerPackage, materialise, removeOldServers } from './server-files.js';
import { canReach, chooseServerUser, giveTo, reachablePlace } from './server-user.js';

const DATABASE = 'orrery';
const STOP_BOUNDS = { fastMs: 3_000, immediateMs: 1_000 } as const;
const ORPHAN_BOUNDS = { fastMs: 10_000, immediateMs: 2_000 } as const;
const WATCH_MS = 250;
const CONNECT_BOUND_MS = 10_000;

/** Nothing lost first: every commit is on the disk. Then bounded memory for a small machine. */
const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_compression: 'on', // pglz, the only method in the package
  max_wal_size: '2GB',
  shared_buffers: '128MB',
  max_connections: '100',
  jit: 'off',
  log_line_prefix: '%m [%p] ',
};

export interface EmbeddedOptions {
  /** Holds the data, the password, the log and the server's files. */
  readonly directory: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Left out or 0: that of a survivor, else a free one. */
  readonly port?: number;
  readonly log: EmbeddedLog;
}

export interface EmbeddedServer {
  readonly pid: number;
  readonly port: number;
  /** The superuser's, over TCP on 127.0.0.1, database `orrery`. */
  readonly url: string;
  /** Resolves when the server has ended, asked or not. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/** Starts PostgreSQL, or adopts the one that a killed parent left behind. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { log } = options;
  const directory = path.resolve(options.directory);
  const server = findServerPackage();
  makeDirectory(directory);
  const data = path.join(directory, 'data');
  const state = inspectData(data, server.major);
  const user = chooseServerUser(data);
  const reachable = canReach(directory, user);
  const place = reachablePlace(directory, user);
  const files = materialise(server, place);
  const password = passwordOf(directory);
  const speak = (at: string): string => spokenPath(at, reachable);
  if (state === 'absent') {
    log.info('a new database is made', { data, user: user?.name });
    await initialise({ directory, data, server: files, place, password, user, speak });
  } else {
    giveTo(user, data);
  }
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const program = programOf(files);
  const wordsFor = (port: number): readonly string[] => [
    '-D',
    speak(data),
    '-p',
    String(port),
    '-h',
    '127.0.0.1',
    '-k',
    '',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const logFile = path.join(directory, 'postgres.log');
  const survivor = await meetSurvivor(
    data,
    options.port,
    (port) => [program, ...wordsFor(port)],
    log,
  );
  if (survivor) return finish({ ...survivor, child: undefined, password, logFile });
  if (place === directory) removeOldServers(directory, files);
  const port = await claimPort(options.port ?? 0);
  const child = await launch({ program, words: wordsFor(port), data, logFile, user, log });
  const pid = child.pid ?? 0;
  log.info('PostgreSQL is ready', { pid, port });
  return finish({ pid, port, child, password, logFile });
}

interface Survivor {
  readonly pid: number;
  readonly port: number;
}

/**
 * A server whose parent was killed goes on serving. It is kept when it is exactly what we would
 * start, which leaves its clients undisturbed; any other one is stopped. A pid file without a
 * server is removed: PostgreSQL would refuse when a stranger has the pid by now.
 */
async function meetSurvivor(
  data: string,
  wantedPort: number | undefined,
  commandFor: (port: number) => readonly string[],
  log: EmbeddedLog,
): Promise<Survivor | undefined> {
  const found = readPostmaster(data);
  if (!found) return undefined;
  if (!isAlive(found.pid) || !isServerOf(found.pid, data)) {
    fs.rmSync(pidFile(data), { force: true });
    return undefined;
  }
  const { pid, port } = found;
  const same = commandOf(pid).join(' ') === commandFor(port).join(' ');
  if (found.ready && same && (!wantedPort || wantedPort === port)) {
    log.info('a PostgreSQL that was left running is adopted', { pid, port });
    return { pid, port };
  }
  log.info('a PostgreSQL that was left running with other settings is stopped', { pid, port });
  await stopServer(pid, ORPHAN_BOUNDS);
  return undefined;
}

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly child: ChildProcess | undefined;
  readonly password: string;
  readonly logFile: string;
}

async function finish(running: Running): Promise<EmbeddedServer> {
  const { pid, port, child, logFile } = running;
  const credentials = `postgres:${encodeURIComponent(running.password)}`;
  const urlOf = (database: string): string =>
    `postgres://${credentials}@127.0.0.1:${port}/${database}`;
  try {
    await ensureDatabase(urlOf('postgres'));
  } catch (error) {
    await stopServer(pid, STOP_BOUNDS);
    throw error;
  }
  const exited = watch(pid, child, logFile);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    if (isAlive(pid)) await stopServer(pid, STOP_BOUNDS);
    await exited;
  };
  return { pid, port, url: urlOf(DATABASE), exited, stop: () => (stopping ??= stop()) };
}

/** An adopted server is nobody's child, so it is looked at; the look also bounds the log. */
function watch(pid: number, child: ChildProcess | undefined, logFile: string): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(() => {
      keepSmall(logFile);
      if (!isAlive(pid)) end();
    }, WATCH_MS);
    child?.once('exit', end);
    if (child && (child.exitCode !== null || child.signalCode !== null)) end();
  });
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_BOUND_MS,
  });
  // Without a listener the server's end in the middle of this would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
