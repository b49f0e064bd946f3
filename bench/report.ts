import fs from 'node:fs';
import os from 'node:os';

export type Figure = string | number;
export interface Report {
  readonly scenario: string;
  readonly settings: Readonly<Record<string, Figure>>;
  readonly rows: readonly Row[];
}
type Row = Readonly<Record<string, Figure>>;

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * q));
  return Math.round((sorted[at] ?? Number.NaN) * 100) / 100;
}

/** Below the rounds a row with the middle of each column. */
export function withMedian(rows: readonly Row[]): readonly Row[] {
  const titles = Object.keys(rows[0] ?? {}).filter((name) => name !== 'round');
  const of = (name: string): number => median(rows.map((row) => Number(row[name])));
  const middle = titles.map((name) => [name, of(name)] as const);
  return [...rows, { round: 'median', ...Object.fromEntries(middle) }];
}

/** CPU seconds that a process has used, all its threads together (Linux; else NaN). */
export function cpuSeconds(pid: number): number {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

/** CPU seconds that the machine has been busy, and what was kept from it (Linux; else NaN). */
export function machineSeconds(): { readonly busy: number; readonly stolen: number } {
  try {
    const [line = ''] = fs.readFileSync('/proc/stat', 'utf8').split('\n');
    const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number);
    const busy = [user, nice, system, irq, softirq].reduce<number>((sum, n) => sum + (n ?? 0), 0);
    return { busy: busy / 100, stolen: (steal ?? 0) / 100 };
  } catch {
    return { busy: Number.NaN, stolen: Number.NaN };
  }
}

/** Memory of a process, its share of what it shares with others (Linux; else NaN). */
export function memoryBytes(pid: number): number {
  try {
    const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1_024;
  } catch {
    return Number.NaN;
  }
}

/** The most resident memory that a process has ever had, in bytes (Linux; else NaN). */
export function highWater(pid: number): number {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  } catch {
    return Number.NaN;
  }
}

/** The children of a process, at any depth: a PostgreSQL works in its backends. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  const names = fs.existsSync('/proc') ? fs.readdirSync('/proc') : [];
  for (const entry of names.filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while it was read.
    }
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

export function print(report: Report): void {
  const machine = `${os.cpus().length} cores, Node ${process.versions.node}, ${os.platform()}`;
  const settings = Object.entries(report.settings).map(([key, value]) => `${key} ${value}`);
  process.stdout.write(`\n### ${report.scenario}\n\n${[machine, ...settings].join(', ')}\n\n`);
  const titles = Object.keys(report.rows[0] ?? {});
  const line = (cells: readonly Figure[]): string => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(line(titles) + line(titles.map(() => '---')));
  for (const row of report.rows) process.stdout.write(line(Object.values(row)));
  process.stdout.write(
    `\n${JSON.stringify({ ...report, machine, at: new Date().toISOString() })}\n`,
  );
}
