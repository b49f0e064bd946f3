import { takePidLock } from '#process';
import { DevProblem } from './problem.js';

/**
 * One supervisor a home. Returns what releases the lock, and whether a killed one had left it.
 * Throws a DevProblem that names the holder.
 */
export function lockHome(file: string, home: string): { release: () => void; stale: boolean } {
  const lock = takePidLock(file);
  if (lock.ok) return lock;
  if (lock.holder === undefined) {
    throw new DevProblem(`The lock ${file} is fought over: start Orrery again, one at a time.`);
  }
  throw new DevProblem(
    `Orrery already runs on ${home} with pid ${lock.holder}: ` +
      'use that one, stop it, or set ORRERY_HOME to another folder.',
  );
}
