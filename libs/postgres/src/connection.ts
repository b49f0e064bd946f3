import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** What a process becomes on its connections (architecture §3, Roles). */
export type Role =
  | 'orrery_intake'
  | 'orrery_scheduler'
  | 'orrery_gateway_read'
  | 'orrery_gateway_define'
  | 'orrery_feed'
  | 'none';

export interface ConnectionOptions {
  readonly url: string;
  readonly role: Role;
  /** `orrery/{thread}/{session}`: a claimer ends a displaced owner's backends by this name. */
  readonly name: string;
  /** Pin the plans of hot statements (measurements: 30.9k instead of 56k without). */
  readonly pinned?: boolean;
  readonly transactionTimeoutMs?: number;
}

/** Every statement has a client-side deadline: a stopped server makes clients hang otherwise. */
export const STATEMENT_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 5_000;

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** int8 stays exact in a double until 2^53: epochs, seqs and ranks are far below. */
const INT8_OID = 20;
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
};

export function clientConfig(options: ConnectionOptions): pg.ClientConfig {
  const settings = ['search_path=orrery', 'jit=off', 'timezone=UTC'];
  if (options.role !== 'none') settings.push(`role=${options.role}`);
  if (options.pinned === true) {
    settings.push(
      'plan_cache_mode=force_generic_plan',
      'enable_seqscan=off',
      'enable_hashjoin=off',
      'enable_mergejoin=off',
    );
  }
  if (options.transactionTimeoutMs !== undefined) {
    settings.push(
      `transaction_timeout=${options.transactionTimeoutMs}`,
      'idle_in_transaction_session_timeout=2000',
    );
  }
  return {
    connectionString: options.url,
    application_name: options.name,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    keepAlive: true,
    keepAliveInitialDelayMillis: 2_000,
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    types,
  };
}

/** One connection, one statement at a time, each with a deadline that destroys the socket. */
export class Connection {
  private client: pg.Client | undefined;
  private connecting: Promise<pg.Client> | undefined;

  constructor(private readonly options: ConnectionOptions) {}

  /** Connects when it must. Any failure leaves it disconnected; the next call connects anew. */
  async query<R extends pg.QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
    deadlineMs = STATEMENT_DEADLINE_MS,
  ): Promise<R[]> {
    const client = await this.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.drop(client);
        reject(new DeadlineError(`${name} took longer than ${deadlineMs} ms`));
      }, deadlineMs);
    });
    try {
      const answer = client.query<R>({ name, text, values });
      return (await Promise.race([answer, late])).rows;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) this.drop(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get connected(): boolean {
    return this.client !== undefined;
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) {
      client.removeAllListeners('error');
      client.on('error', () => this.drop(client));
      await client.end();
    }
  }

  private async connect(): Promise<pg.Client> {
    if (this.client !== undefined) return this.client;
    this.connecting ??= this.open().finally(() => {
      this.connecting = undefined;
    });
    return await this.connecting;
  }

  private async open(): Promise<pg.Client> {
    const client = new pg.Client(clientConfig(this.options));
    client.on('error', () => this.drop(client));
    client.on('end', () => this.drop(client));
    await client.connect();
    this.client = client;
    return client;
  }

  /** Never a polite end: a commit may be under way, and its outcome is then unknown. */
  private drop(client: pg.Client): void {
    if (this.client === client) this.client = undefined;
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
      .connection;
    stream.destroy();
  }
}

/** Classes 08 (connection), 57P (shutdown, crash): the backend is gone or going. */
function isConnectionLoss(error: pg.DatabaseError): boolean {
  const code = error.code ?? '';
  return code.startsWith('08') || code.startsWith('57P') || code === '25P03' || code === '25P04';
}

export const newSession = (): string => randomBytes(6).toString('hex');
