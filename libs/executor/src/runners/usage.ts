import fs from 'node:fs';
import { isZombie, statOf } from '#process';

/** What an attempt has used; null: nobody could tell. */
export interface Usage {
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

/** Of /proc/PID/stat, counted from the state: own user and system time, then the children's. */
const PARENT = 1;
const TIMES = [11, 12, 13, 14] as const;
/** Linux tells user space hundredths of a second, whatever its own tick. */
const TICK_MS = 10;
const PROCESSES_MAX = 1_000;

/**
 * What a process and all below it use, as /proc tells it. Of a process that has ended and was
 * waited for, its parent knows the processor time: so a look at the dying leader tells all of it.
 * Memory is known only of what lives at a look.
 */
export class TreeUsage {
  private ticks: number | null = null;
  private peakBytes: number | null = null;

  constructor(private readonly leader: number) {}

  get figures(): Usage {
    return {
      cpuMs: this.ticks === null ? null : this.ticks * TICK_MS,
      memoryPeakBytes: this.peakBytes,
    };
  }

  look(): void {
    let ticks: number | undefined;
    let bytes = 0;
    const family = new Map<number, number>([[this.leader, 0]]);
    for (const [pid, parent] of family) {
      const stat = statOf(pid);
      // Its number may belong to another by now.
      if (stat === undefined || (parent !== 0 && stat[PARENT] !== String(parent))) continue;
      ticks = TIMES.reduce((sum, at) => sum + Number(stat[at]), ticks ?? 0);
      if (isZombie(stat)) continue;
      const { now, peak } = memoryOf(pid);
      bytes += now;
      this.remember(peak);
      if (family.size < PROCESSES_MAX) for (const child of childrenOf(pid)) family.set(child, pid);
    }
    if (ticks !== undefined) this.ticks = Math.max(this.ticks ?? 0, ticks);
    this.remember(bytes);
  }

  private remember(bytes: number): void {
    if (bytes > 0) this.peakBytes = Math.max(this.peakBytes ?? 0, bytes);
  }
}

function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const text = readIfThere(`/proc/${pid}/status`);
  const bytes = (line: RegExp): number => Number(line.exec(text)?.[1] ?? 0) * 1_024;
  return { now: bytes(/^VmRSS:\s+(\d+) kB/m), peak: bytes(/^VmHWM:\s+(\d+) kB/m) };
}

/** Each of its threads may have children. */
function childrenOf(pid: number): readonly number[] {
  let threads: readonly string[] = [];
  try {
    threads = fs.readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  const texts = threads.map((thread) => readIfThere(`/proc/${pid}/task/${thread}/children`));
  return texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
}

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
