import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLine, serverEnvironment } from './data-directory.js';
import { codeOf, EmbeddedProblem, type EmbeddedLog } from './problem.js';
import { readPostmaster, waitUntil } from './postmaster.js';
import type { ServerUser } from './server-user.js';

const LOG_BYTES_MAX = 10 * 1024 * 1024;
/** A crash recovery reads at most max_wal_size; a slow disk needs minutes for it. */
const READY_BOUND_MS = 300_000;
const RETRIES_MAX = 20;
const RETRY_MS = 100;
const TAIL_BYTES = 8_192;

/** The remains of a killed server: they pass by themselves within moments. */
const PASSING = /postmaster\.pid|shared memory block|could not bind|terminated by other processes/;

export interface LaunchOptions {
  readonly program: string;
  readonly words: readonly string[];
  readonly data: string;
  readonly logFile: string;
  readonly user: ServerUser | undefined;
  readonly log: EmbeddedLog;
}

export type Launched =
  | { readonly kind: 'ready'; readonly child: ChildProcess }
  | { readonly kind: 'failed'; readonly tail: string };

export async function launch(options: LaunchOptions): Promise<ChildProcess> {
  for (let retries = 0; ; retries++) {
    const launched = await launchOnce(options);
    if (launched.kind === 'ready') return launched.child;
    if (retries >= RETRIES_MAX || !PASSING.test(launched.tail)) {
      throw new EmbeddedProblem(
        `PostgreSQL did not start in ${options.data}: ${lastLine(launched.tail)}; ` +
          `the whole story is in ${options.logFile}.`,
      );
    }
    options.log.info('PostgreSQL is started once more', { because: lastLine(launched.tail) });
    await delay(RETRY_MS);
  }
}

async function launchOnce(options: LaunchOptions): Promise<Launched> {
  const { program, words, data, logFile, user } = options;
  keepSmall(logFile);
  const output = fs.openSync(logFile, 'a', 0o600);
  const from = fs.fstatSync(output).size;
  // Detached: the Ctrl-C of a terminal must not reach the database before those who use it.
  const child = spawn(program, words, {
    cwd: data,
    env: serverEnvironment,
    stdio: ['ignore', output, output],
    detached: true,
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
  fs.closeSync(output);
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  const ended = (): boolean =>
    failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  const ready = (): boolean => {
    const postmaster = readPostmaster(data);
    return postmaster?.pid === child.pid && postmaster?.ready === true;
  };
  await waitUntil(() => ended() || ready(), READY_BOUND_MS);
  if (!ended() && ready()) return { kind: 'ready', child };
  if (!ended()) child.kill('SIGQUIT');
  return { kind: 'failed', tail: failure ?? tailOf(logFile, from) };
}

function tailOf(file: string, from: number): string {
  const text = fs.readFileSync(file).subarray(from);
  return text.subarray(-TAIL_BYTES).toString();
}

/**
 * Copies and truncates: the server appends to the same open file for all of its life.
 * What is written between the two is lost, which a log can bear.
 */
export function keepSmall(file: string, bytesMax = LOG_BYTES_MAX): void {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= bytesMax) return;
  fs.copyFileSync(file, `${file}.1`);
  fs.truncateSync(file);
}

/** A free port, or the given one if nobody else holds it. */
export async function claimPort(port: number): Promise<number> {
  for (let retries = 0; ; retries++) {
    try {
      return await probePort(port);
    } catch (error) {
      if (codeOf(error) === 'EADDRINUSE' && retries < RETRIES_MAX) {
        await delay(RETRY_MS); // perhaps a killed server that is not quite gone
        continue;
      }
      throw new EmbeddedProblem(
        `Port ${port} on 127.0.0.1 cannot be taken for the database (${codeOf(error)}): ` +
          'stop the program that holds it, or choose another port.',
      );
    }
  }
}

function probePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      const taken = typeof address === 'object' && address ? address.port : port;
      probe.close(() => resolve(taken));
    });
  });
}

export const programOf = (server: string): string => path.join(server, 'bin', 'postgres');
