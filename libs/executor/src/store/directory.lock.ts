import { takePidLock } from '#process';

/** Something a person can put right, in one sentence. */
export class ExecutorProblem extends Error {
  override readonly name = 'ExecutorProblem';
}

/** One executor a directory: two would each take the other's tokens. Returns the release. */
export function lockDirectory(file: string, directory: string): () => void {
  const lock = takePidLock(file);
  if (lock.ok) return lock.release;
  if (lock.holder === undefined) {
    throw new ExecutorProblem(`The lock ${file} is fought over: start one executor at a time.`);
  }
  throw new ExecutorProblem(
    `An executor already runs on ${directory} with pid ${lock.holder}: ` +
      'stop it, or give this one a directory of its own.',
  );
}
