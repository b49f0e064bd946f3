import fs from 'node:fs';

/** What Linux says of processes; elsewhere less is known, and said. */

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(statOf(pid));
}

const START_TIME = 19; // field 22 of /proc/<pid>/stat, counted from the state

/** With the pid it names one process, though pids come again; '' where it is unknown. */
export const startTimeOf = (pid: number): string => statOf(pid)?.[START_TIME] ?? '';

/** The fields of /proc/<pid>/stat from the state on. */
export function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Killed, and nobody reaps it. */
export const isZombie = (stat: readonly string[] | undefined): boolean =>
  stat?.[0] === 'Z' || stat?.[0] === 'X';
