import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

const TICKS_PER_SECOND = 100;
const isLinux = process.platform === 'linux';

export interface Usage {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** Of all its threads, and of its children that have ended. */
  readonly cpuSeconds: number;
}

/** All processes of this machine. What ends while it is read is left out, and nothing else is. */
function processes(): readonly Usage[] {
  if (!isLinux) return processesByPs();
  return fs.readdirSync('/proc').flatMap((entry): readonly Usage[] => {
    if (!/^\d+$/.test(entry)) return [];
    const stat = readIfThere(`/proc/${entry}/stat`);
    if (stat === '') return [];
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const name = readIfThere(`/proc/${entry}/cmdline`).replaceAll('\0', ' ').trim();
    const [pid, parent] = [Number(entry), Number(fields[1])];
    return [{ pid, parent, name, cpuSeconds: ticks / TICKS_PER_SECOND }];
  });
}

/** macOS says no more: without what ended children have used. */
function processesByPs(): readonly Usage[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,time=,command='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line): readonly Usage[] => {
    const [, pid, parent, time = '', name = ''] =
      /^\s*(\d+)\s+(\d+)\s+([\d:.]+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined) return [];
    const cpuSeconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
    return [{ pid: Number(pid), parent: Number(parent), name, cpuSeconds }];
  });
}

/** These processes with all that they have started, at any depth. */
export function usageOf(pids: readonly number[]): readonly Usage[] {
  const all = processes();
  const family = new Set(pids);
  for (const pid of family) {
    for (const { pid: child, parent } of all) if (parent === pid) family.add(child);
  }
  return all.filter(({ pid }) => family.has(pid));
}

/** In MB; what several share counts once in all (on macOS once in each: an upper bound). */
export function memoryOf(pid: number): number {
  if (!isLinux) {
    const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
    return Number(text) / 1024;
  }
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
}

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
