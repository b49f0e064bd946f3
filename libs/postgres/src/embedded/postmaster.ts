import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from './problem.js';

const POLL_MS = 10;

/** What a server says of itself in postmaster.pid. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

const PID_LINE = 0;
const PORT_LINE = 3;
const STATUS_LINE = 7;

export const pidFile = (data: string): string => path.join(data, 'postmaster.pid');

export function readPostmaster(data: string): Postmaster | undefined {
  let lines: readonly string[];
  try {
    lines = fs.readFileSync(pidFile(data), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[PID_LINE]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const ready = lines[STATUS_LINE]?.trim() === 'ready';
  return { pid, port: Number(lines[PORT_LINE]), ready };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  try {
    // A killed child of a dead parent may stay a zombie where nobody reaps (pid 1 of a container).
    return !/^\d+ \(.*\) [ZX] /s.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true; // no /proc here
  }
}

/** The words of a living process's command, to tell our server from a stranger with its old pid. */
export function commandOf(pid: number): readonly string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    if (process.platform === 'linux') return [];
    const listing = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return listing.status === 0 ? [listing.stdout.toString().trim()] : [];
  }
}

export function isServerOf(pid: number, data: string): boolean {
  const command = commandOf(pid);
  if (!/postgres/.test(command[0] ?? '')) return false;
  // A server below a private home does not know its data's path, but it works there.
  try {
    return fs.realpathSync(`/proc/${pid}/cwd`) === fs.realpathSync(data);
  } catch {
    return command.join(' ').includes(data);
  }
}

export async function waitUntil(
  condition: () => boolean,
  boundMs: number,
  pollMs = POLL_MS,
): Promise<boolean> {
  const end = performance.now() + boundMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await delay(pollMs);
  }
  return true;
}

export interface StopBounds {
  readonly fastMs: number;
  readonly immediateMs: number;
}

/** SIGINT is the fast shutdown with a checkpoint; SIGQUIT and SIGKILL cost a recovery, no data. */
export async function stopServer(pid: number, bounds: StopBounds): Promise<void> {
  const gone = (): boolean => !isAlive(pid);
  const steps = [
    ['SIGINT', bounds.fastMs],
    ['SIGQUIT', bounds.immediateMs],
    ['SIGKILL', bounds.immediateMs],
  ] as const;
  for (const [signal, boundMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (await waitUntil(gone, boundMs)) return;
  }
}
