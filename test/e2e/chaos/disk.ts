import { execFileSync } from 'node:child_process';

/** Bounds what a process of its own user writes: that wants no rights, and fills no real disk. */
const limit = (pid: number, bytes: string): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
};

/** From now on nothing that the process writes to a file finds room (EFBIG), until `empty`. */
export const fill = (pid: number): void => limit(pid, '0');
export const empty = (pid: number): void => limit(pid, 'unlimited');

/** Why no disk can be full here; undefined: it can. */
export function whyNeverFull(): string | undefined {
  try {
    execFileSync('prlimit', ['--version']);
    return undefined;
  } catch {
    return 'there is no prlimit here, which bounds what another process writes';
  }
}
