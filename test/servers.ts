import 'reflect-metadata';
import type { TestProject } from 'vitest/node';
import { Servers } from './support/servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test file borrows a PostgreSQL: `test/support/database.ts`. */
    serversPort: number;
  }
}

/** Vitest's global setup: the servers that the test files of a run borrow one after the other. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = new Servers();
  project.provide('serversPort', await servers.listen());
  return () => servers.stop();
}
