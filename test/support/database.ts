import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate } from '#definitions';
import { startEmbedded } from '../../libs/postgres/src/embedded/index.js';

export { trouble } from '../../libs/postgres/src/testkit.js';
export { PlainRuns } from '../../libs/postgres/src/testkit/plain-runs.js';

export interface TestDatabase {
  /** As the owner of everything: for looking and for making trouble. */
  readonly url: string;
  readonly admin: pg.Client;
  readonly life: string;
  stop(): Promise<void>;
}

const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** A PostgreSQL of its own, migrated, in a folder that goes with it. */
export async function startTestDatabase(partitions = 64): Promise<TestDatabase> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
  fs.chmodSync(directory, 0o755);
  const server = await startEmbedded({ directory: path.join(directory, 'pg'), log });
  const { life } = await migrate(server.url, partitions);
  const admin = new pg.Client(server.url);
  admin.on('error', quiet);
  await admin.connect();
  await admin.query('set search_path = orrery');
  return {
    url: server.url,
    admin,
    life,
    async stop() {
      await admin.end();
      await server.stop();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}
