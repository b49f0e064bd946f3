import { once } from 'node:events';
import net from 'node:net';
import pg from 'pg';
import { inject } from 'vitest';
import { migrate } from '#definitions';
import type { Lent } from './servers.js';

export { trouble } from '../../libs/postgres/src/testkit.js';
export { PlainRuns } from '../../libs/postgres/src/testkit/plain-runs.js';

export interface TestDatabase {
  /** As the owner of everything: for looking and for making trouble. */
  readonly url: string;
  readonly admin: pg.Client;
  readonly life: string;
  stop(): Promise<void>;
}

/** A fresh database, migrated, in a PostgreSQL that nobody else has until it is stopped. */
export async function startTestDatabase(
  partitions = 64,
  serversPort = inject('serversPort'),
): Promise<TestDatabase> {
  const { url, giveBack } = await borrow(serversPort);
  const { life } = await migrate(url, partitions);
  const admin = new pg.Client(url);
  admin.on('error', () => undefined);
  await admin.connect();
  await admin.query('set search_path = orrery');
  return {
    url,
    admin,
    life,
    async stop() {
      await admin.end();
      await giveBack();
    },
  };
}

interface Borrowed {
  readonly url: string;
  readonly giveBack: () => Promise<void>;
}

/** It is ours while we are connected: a file that fails, or is ended, gives it back as well. */
async function borrow(port: number): Promise<Borrowed> {
  const lender = net.connect(port, '127.0.0.1');
  lender.setEncoding('utf8');
  lender.on('error', () => undefined);
  let said = '';
  while (!said.endsWith('\n')) {
    const [part] = (await once(lender, 'data')) as [string];
    said += part;
  }
  const { url, error } = JSON.parse(said) as Lent;
  if (url === undefined) throw new Error(`no PostgreSQL could be lent: ${error}`);
  const closed = new Promise<void>((resolve) => lender.once('close', () => resolve()));
  const giveBack = (): Promise<void> => {
    lender.end();
    return closed;
  };
  return { url, giveBack };
}
