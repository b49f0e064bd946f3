import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { NAME_PATTERN } from '#protocol';
import { ExecutorProblem, lockDirectory } from './directory.lock.js';
import { Journal, syncDirectory } from './journal.js';

/**
 * What an executor keeps on its disk:
 *   identity.json   its id: a directory belongs to one executor for good
 *   journal         incarnation, inbox, outbox, tombstones; without it the incarnation is gone too,
 *                   for an incarnation that outlived its journal would start tokens twice
 *   lock            the process that holds it          work/   private directories of attempts
 */
export interface Store {
  readonly id: string;
  readonly journal: Journal;
  readonly workDirectory: string;
  close(): Promise<void>;
}

export async function openStore(directory: string, id: string | undefined): Promise<Store> {
  const root = path.resolve(directory);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(path.join(root, 'lock'), root);
  try {
    const known = await identify(root, id);
    const workDirectory = path.join(root, 'work');
    await mkdir(workDirectory, { recursive: true, mode: 0o700 });
    const journal = new Journal(path.join(root, 'journal'));
    return {
      id: known,
      journal,
      workDirectory,
      async close() {
        try {
          await journal.close();
        } finally {
          unlock();
        }
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** What attempts of a former process left behind; their processes are dead by now. */
export async function clearWork(store: Store): Promise<void> {
  await rm(store.workDirectory, { recursive: true, force: true });
  await mkdir(store.workDirectory, { recursive: true, mode: 0o700 });
}

async function identify(root: string, wanted: string | undefined): Promise<string> {
  const file = path.join(root, 'identity.json');
  const known = await readIdentity(file);
  if (known !== undefined && wanted !== undefined && known !== wanted) {
    throw new ExecutorProblem(
      `The directory ${root} belongs to the executor ${known}, not to ${wanted}: ` +
        'give this one a directory of its own, or leave the id out.',
    );
  }
  if (known !== undefined) return known;
  const id = wanted ?? `x-${randomUUID()}`;
  if (!NAME_PATTERN.test(id)) {
    throw new ExecutorProblem(
      `${JSON.stringify(id)} cannot be an executor's id: use 1 to 80 of A-Z, a-z, 0-9, . _ and -.`,
    );
  }
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ id })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await syncDirectory(root);
  return id;
}

async function readIdentity(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value = JSON.parse(text) as { readonly id?: unknown } | null;
    if (typeof value?.id === 'string' && NAME_PATTERN.test(value.id)) return value.id;
  } catch {
    // told below
  }
  throw new ExecutorProblem(`${file} is not readable: restore it, or remove it to start anew.`);
}
