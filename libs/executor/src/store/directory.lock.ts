import fs from 'node:fs';
import { isAlive, startTimeOf } from '../runners/processes.js';

const ATTEMPTS_MAX = 5;

interface Holder {
  readonly pid: number;
  /** With the pid it names one process, though pids come again; '' where it is unknown. */
  readonly birth: string;
}

/** Something a person can put right, in one sentence. */
export class ExecutorProblem extends Error {
  override readonly name = 'ExecutorProblem';
}

/** Locks of this process: its own pid in a lock file does not say which executor holds it. */
const held = new Set<string>();

/** One executor a directory: two would each take the other's tokens. Returns the release. */
export function lockDirectory(file: string, directory: string): () => void {
  const own: Holder = { pid: process.pid, birth: startTimeOf(process.pid) };
  const text = JSON.stringify(own);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (!held.has(file) && create(file, text)) {
      held.add(file);
      return () => {
        held.delete(file);
        if (readText(file) === text) fs.rmSync(file, { force: true });
      };
    }
    const found = readText(file);
    const holder = parse(found);
    if (held.has(file) || (holder !== undefined && holds(holder))) {
      throw new ExecutorProblem(
        `An executor already runs on ${directory} with pid ${holder?.pid ?? process.pid}: ` +
          'stop it, or give this one a directory of its own.',
      );
    }
    removeStale(file, found);
  }
  throw new ExecutorProblem(`The lock ${file} is fought over: start one executor at a time.`);
}

/** Complete from its first moment: written aside, then linked to its name. */
function create(file: string, text: string): boolean {
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, text, { mode: 0o600 });
  try {
    fs.linkSync(aside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

/** Of two that take over at a time, the later must not remove the lock of the earlier. */
function removeStale(file: string, expected: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
    if (readText(aside) !== expected) fs.linkSync(aside, file);
  } catch {
    // gone or taken already: the next attempt sees
  }
  fs.rmSync(aside, { force: true });
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

/** Our own pid in a lock we do not hold is a former process's that had the same. */
function holds(holder: Holder): boolean {
  if (holder.pid === process.pid || !isAlive(holder.pid)) return false;
  return holder.birth === '' || holder.birth === startTimeOf(holder.pid);
}
