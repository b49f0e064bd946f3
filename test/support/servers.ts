import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate } from '#definitions';
import { type EmbeddedServer, startEmbedded } from '../../libs/postgres/src/embedded/index.js';

const TEMPLATE = 'migrated';
/** A phase of a run in which nobody needs one has none beside it. */
const IDLE_MS = 15_000;
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** What a borrower is told, in one line. */
export interface Lent {
  readonly url?: string;
  readonly error?: string;
}

interface Server {
  readonly directory: string;
  readonly embedded: EmbeddedServer;
  /** Resolves when nothing of the last borrower is left in it. */
  fresh: Promise<void>;
  idle?: NodeJS.Timeout;
}

/**
 * To make a PostgreSQL takes longer than most test files do. Who connects here is lent one, with a
 * fresh database in it, for as long as the connection lives. Nobody else has that server
 * meanwhile: snapshots, locks, sessions and settings are a server's, not a database's.
 */
export class Servers {
  private readonly door = net.createServer((borrower) => void this.serve(borrower));
  private readonly all = new Set<Promise<Server>>();
  private readonly free: Server[] = [];
  private readonly running = new Set<Server>();
  /** A run that is interrupted tears nothing down. */
  private readonly abandon = (): void => {
    for (const { embedded, directory } of this.running) {
      try {
        process.kill(embedded.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
      fs.rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    }
  };

  listen(): Promise<number> {
    process.once('exit', this.abandon);
    return new Promise((resolve, reject) => {
      this.door.once('error', reject);
      this.door.listen(0, '127.0.0.1', () => {
        const address = this.door.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
  }

  /** Who has one loses it. */
  async stop(): Promise<void> {
    this.door.close();
    await Promise.all([...this.all].map(async (starting) => end(await starting)));
    process.off('exit', this.abandon);
  }

  private async serve(borrower: net.Socket): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      // At its end, which is before the borrower hears that we have closed as well.
      for (const way of ['end', 'close']) borrower.once(way, () => resolve());
    });
    borrower.on('error', quiet).resume();
    const tell = (lent: Lent): void => void borrower.write(`${JSON.stringify(lent)}\n`);
    try {
      const server = await this.take();
      tell({ url: server.embedded.url });
      await gone;
      this.takeBack(server);
    } catch (error) {
      tell({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  private async take(): Promise<Server> {
    const server = this.free.pop() ?? (await this.add());
    clearTimeout(server.idle);
    await server.fresh;
    return server;
  }

  private async add(): Promise<Server> {
    const starting = start();
    this.all.add(starting);
    starting.catch(() => this.all.delete(starting));
    const server = await starting;
    this.running.add(server);
    void server.embedded.exited.then(() => {
      this.all.delete(starting);
      this.running.delete(server);
      return this.drop(server);
    });
    return server;
  }

  private takeBack(server: Server): void {
    server.fresh = freshen(server.embedded.url);
    // Whoever takes it is told; a server that does not answer is not lent again.
    server.fresh.catch(() => this.drop(server));
    server.idle = setTimeout(() => void this.drop(server), IDLE_MS).unref();
    this.free.push(server);
  }

  private async drop(server: Server): Promise<void> {
    if (this.free.includes(server)) this.free.splice(this.free.indexOf(server), 1);
    await end(server);
  }
}

async function start(): Promise<Server> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
  fs.chmodSync(directory, 0o755);
  const embedded = await startEmbedded({ directory: path.join(directory, 'pg'), log });
  await migrate(embedded.url);
  // What says whose a database is, each borrower has of its own: `migrate` once more.
  await asAdmin(embedded.url, 'orrery', 'truncate orrery.installation, orrery.partition');
  await asAdmin(
    embedded.url,
    'postgres',
    `alter database orrery rename to ${TEMPLATE}`,
    `alter database ${TEMPLATE} is_template true`,
  );
  return { directory, embedded, fresh: freshen(embedded.url) };
}

async function freshen(url: string): Promise<void> {
  const used = await asAdmin(
    url,
    'postgres',
    'alter system reset all',
    'select pg_reload_conf()',
    `select datname from pg_database where not datistemplate and datname <> 'postgres'`,
  );
  await asAdmin(
    url,
    'postgres',
    ...used.map(({ datname }) => `drop database ${datname} with (force)`),
    `create database orrery template ${TEMPLATE}`,
  );
}

/** The rows of the last of the statements. */
async function asAdmin(
  url: string,
  database: string,
  ...statements: readonly string[]
): Promise<readonly { readonly datname?: string }[]> {
  const place = new URL(url);
  place.pathname = `/${database}`;
  const client = new pg.Client(place.href);
  client.on('error', quiet);
  await client.connect();
  try {
    let rows: readonly { readonly datname?: string }[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

async function end({ directory, embedded, idle }: Server): Promise<void> {
  clearTimeout(idle);
  await embedded.stop();
  fs.rmSync(directory, { recursive: true, force: true });
}
