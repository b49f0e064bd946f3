import fs from 'node:fs';
import { isAlive, isZombie, statOf } from '#process';

/** true: it was there to be signalled. */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  return signalPid(-leader, signal);
}

const GROUP = 2; // field 5, counted from the state

/** Something of the group still runs: a zombie that nobody reaps does not. */
export function isGroupAlive(leader: number): boolean {
  if (!signalGroup(leader, 0)) return false;
  const names = listProcesses().filter((name) => /^\d+$/.test(name));
  if (names.length === 0) return true;
  return names.some((name) => {
    const stat = statOf(Number(name));
    return stat?.[GROUP] === String(leader) && !isZombie(stat);
  });
}

export function signalPid(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** What an attempt's processes carry in their environment. */
export interface Mark {
  readonly run: string;
  readonly attempt: number;
}

const markOf = ({ run, attempt }: Mark): string => `${run}#${attempt}`;

/** Marked processes of this executor, also those that left their group (best effort). */
export function findMarked(executor: string, marks: readonly Mark[]): readonly number[] {
  const wanted = new Set(marks.map(markOf));
  const found: number[] = [];
  for (const name of listProcesses()) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const mark = readMark(pid, executor);
    if (mark !== undefined && wanted.has(mark) && isAlive(pid)) found.push(pid);
  }
  return found;
}

function listProcesses(): readonly string[] {
  try {
    return fs.readdirSync('/proc');
  } catch {
    return [];
  }
}

function readMark(pid: number, executor: string): string | undefined {
  let environment: string;
  try {
    environment = `\0${fs.readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
  } catch {
    return undefined; // another user's, or gone
  }
  if (!environment.includes(`\0ORRERY_EXECUTOR=${executor}\0`)) return undefined;
  const run = /\0ORRERY_RUN_ID=([^\0]*)/.exec(environment)?.[1];
  const attempt = /\0ORRERY_ATTEMPT=(\d+)/.exec(environment)?.[1];
  return run === undefined || attempt === undefined ? undefined : `${run}#${attempt}`;
}

const ROUNDS_MAX = 5;

/** To its group and to those that left it. Again until all have it: one may fork while we look. */
export function signalTree(
  leader: number,
  executor: string,
  mark: Mark,
  signal: 'SIGSTOP' | 'SIGCONT',
): void {
  signalGroup(leader, signal);
  const told = new Set<number>();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = findMarked(executor, [mark]).filter((pid) => !told.has(pid));
    if (found.length === 0) return;
    for (const pid of found) {
      signalPid(pid, signal);
      told.add(pid);
    }
  }
}

/** Again until none is left: a process may fork while we look. Returns those that were killed. */
export function killMarked(executor: string, marks: readonly Mark[]): readonly number[] {
  const killed = new Set<number>();
  for (let round = 0; marks.length > 0 && round < ROUNDS_MAX; round++) {
    const found = findMarked(executor, marks);
    for (const pid of found) {
      if (signalPid(pid, 'SIGKILL')) killed.add(pid);
    }
    if (found.length === 0) break;
  }
  return [...killed];
}
