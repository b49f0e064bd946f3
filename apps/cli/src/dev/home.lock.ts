import fs from 'node:fs';
import { codeOf, DevProblem } from './problem.js';

const ATTEMPTS_MAX = 5;

interface Holder {
  readonly pid: number;
  /** With the pid it names one process, though pids come again; '' where it is unknown. */
  readonly birth: string;
}

/**
 * One supervisor a home. Returns what releases the lock, and whether a killed one had left it.
 * Throws a DevProblem that names the holder.
 */
export function lockHome(file: string, home: string): { release: () => void; stale: boolean } {
  const own: Holder = { pid: process.pid, birth: birthOf(process.pid) };
  let stale = false;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (create(file, JSON.stringify(own))) {
      return { release: () => release(file, own), stale };
    }
    const text = readText(file);
    const holder = parse(text);
    if (holder && holds(holder)) {
      throw new DevProblem(
        `Orrery already runs on ${home} with pid ${holder.pid}: ` +
          'use that one, stop it, or set ORRERY_HOME to another folder.',
      );
    }
    stale = true;
    remove(file, text);
  }
  throw new DevProblem(`The lock ${file} is fought over: start Orrery again, one at a time.`);
}

/** Complete from its first moment: written aside, then linked to its name. */
function create(file: string, text: string): boolean {
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, text, { mode: 0o600 });
  try {
    fs.linkSync(aside, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

/** Of two that take over at a time, the later must not remove the lock of the earlier. */
function remove(file: string, expected: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
    if (readText(aside) !== expected) fs.linkSync(aside, file);
  } catch {
    // gone or taken already: the next attempt sees
  }
  fs.rmSync(aside, { force: true });
}

function release(file: string, own: Holder): void {
  if (readText(file) === JSON.stringify(own)) fs.rmSync(file, { force: true });
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    if (typeof value?.pid !== 'number') return undefined;
    return { pid: value.pid, birth: String(value.birth ?? '') };
  } catch {
    return undefined;
  }
}

const holds = (holder: Holder): boolean =>
  isAlive(holder.pid) && (holder.birth === '' || holder.birth === birthOf(holder.pid));

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  const state = statOf(pid)?.[0];
  return state !== 'Z' && state !== 'X'; // where nobody reaps, the killed stay
}

const STARTED_AT = 19; // field 22 of /proc/<pid>/stat, counted from the state

const birthOf = (pid: number): string => statOf(pid)?.[STARTED_AT] ?? '';

function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
