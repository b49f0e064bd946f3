import fs from 'node:fs';
import { isAlive, startTimeOf } from './processes.js';

const ATTEMPTS_MAX = 5;

interface Holder {
  readonly pid: number;
  readonly birth: string;
}

export type PidLock =
  | {
      readonly ok: true;
      readonly release: () => void;
      /** A process that was killed had left it. */
      readonly stale: boolean;
    }
  /** Undefined: it is fought over, and nobody has kept it long enough to be named. */
  | { readonly ok: false; readonly holder: number | undefined };

/** Locks of this process: its own pid in a lock file does not say who of it holds the lock. */
const held = new Set<string>();

/** A file that one living process holds, until it releases it or dies. */
export function takePidLock(file: string): PidLock {
  const own: Holder = { pid: process.pid, birth: startTimeOf(process.pid) };
  const text = JSON.stringify(own);
  let stale = false;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (held.has(file)) return { ok: false, holder: process.pid };
    if (create(file, text)) {
      held.add(file);
      return { ok: true, release: () => release(file, text), stale };
    }
    const found = readText(file);
    const holder = parse(found);
    if (holder !== undefined && holds(holder)) return { ok: false, holder: holder.pid };
    stale = true;
    removeStale(file, found);
  }
  return { ok: false, holder: undefined };
}

function release(file: string, text: string): void {
  held.delete(file);
  if (readText(file) === text) fs.rmSync(file, { force: true });
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
