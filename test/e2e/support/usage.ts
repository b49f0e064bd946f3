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

/** What several share counts once in all (on macOS once in each: an upper bound). */
export function memoryMb(pid: number): number {
  if (!isLinux) {
    const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
    return Number(text) / 1024;
  }
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
}

/**
 * Of processes that are one system. What several of them share counts once, and whole: that
 * others on this machine have the same files in memory makes a system no smaller.
 */
export function memoryMbTogether(pids: readonly number[]): number {
  if (!isLinux) return pids.reduce((sum, pid) => sum + memoryMb(pid), 0);
  const own = pids.map((pid) => {
    const rollup = readIfThere(`/proc/${pid}/smaps_rollup`);
    const [, anonymous = 0] = /^Pss_Anon:\s+(\d+) kB/m.exec(rollup) ?? [];
    const [, shared = 0] = /^Pss_Shmem:\s+(\d+) kB/m.exec(rollup) ?? [];
    return Number(anonymous) + Number(shared);
  });
  const files = new Map<string, number>();
  for (const [part, kilobytes] of pids.flatMap(filesOf)) {
    files.set(part, Math.max(files.get(part) ?? 0, kilobytes));
  }
  return [...own, ...files.values()].reduce((sum, kilobytes) => sum + kilobytes, 0) / 1024;
}

/** The parts of files that a process has in memory, as they are on the disk, in kB. */
function filesOf(pid: number): readonly (readonly [string, number])[] {
  // Each mapping begins with `from-to rights offset device inode path`.
  const mappings = readIfThere(`/proc/${pid}/smaps`).split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings.flatMap((mapping) => {
    const [, part, inode, path = ''] = /^\S+ \S+ (\S+ \S+ (\d+)) *(.*)$/m.exec(mapping) ?? [];
    if (part === undefined || inode === '0' || /^\/dev\/|deleted/.test(path)) return [];
    const [, all = 0] = /^Rss:\s+(\d+) kB/m.exec(mapping) ?? [];
    const [, changed = 0] = /^Anonymous:\s+(\d+) kB/m.exec(mapping) ?? [];
    return [[part, Number(all) - Number(changed)] as const];
  });
}

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
