import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointProcess } from './home.js';
import { isAlive } from '#process';

const PATIENCE_MS = 3_000;
const POLL_MS = 20;

/**
 * The children of a killed supervisor end by themselves; we wait for them, for they hold our ports.
 * Who does not end is killed, provided that its command shows that it is one of ours.
 */
export async function awaitSurvivors(
  processes: readonly EndpointProcess[],
  entries: readonly string[],
): Promise<void> {
  const left = (): readonly EndpointProcess[] =>
    processes.filter(({ pid }) => isAlive(pid) && isOurs(pid, entries));
  const end = performance.now() + PATIENCE_MS;
  while (left().length > 0 && performance.now() < end) await delay(POLL_MS);
  for (const { pid } of left()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended meanwhile
    }
  }
}

function isOurs(pid: number, entries: readonly string[]): boolean {
  try {
    const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.some((word) => entries.includes(word));
  } catch {
    return false; // without /proc nobody can be sure, so nobody is killed
  }
}
