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
  /** The server asks after us: when our machine is gone, so is its end, within seconds. */
  readonly isAskedAfter?: true;
}

/** Every statement has a client-side deadline: a stopped server makes clients hang otherwise. */
export const STATEMENT_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 5_000;

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** There was no connection to send anything over, however that came about. */
export class UnconnectedError extends Error {
  override readonly name = 'UnconnectedError';
  readonly code: string | undefined;

  constructor(cause: Error & { readonly code?: string }) {
    super(cause.message, { cause });
    this.code = cause.code;
  }
}

/** Nothing was sent, and nothing will be. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
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
  if (options.isAskedAfter === true) {
    const asked = { idle: 2, interval: 1, count: 3 };
    for (const [what, n] of Object.entries(asked)) settings.push(`tcp_keepalives_${what}=${n}`);
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

interface Waiter {
  readonly go: () => void;
  readonly refuse: (why: unknown) => void;
}

/**
 * One connection, one statement at a time, each with a deadline that destroys the socket. Who asks
 * meanwhile waits here and not in pg: a deadline begins when its statement is sent, and what is
 * lost with the socket is the one statement that was under way.
 */
export class Connection {
  private client: pg.Client | undefined;
  private opening: pg.Client | undefined;
  private readonly waiting: Waiter[] = [];
  private isBusy = false;
  private isStopped = false;

  constructor(private readonly options: ConnectionOptions) {}

  /**
   * Connects when it must. Any failure leaves it disconnected; the next statement connects anew.
   * With a `signal`: who has given up by its turn is passed over, and nothing is sent.
   */
  async query<R extends pg.QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
    deadlineMs = STATEMENT_DEADLINE_MS,
    signal?: AbortSignal,
  ): Promise<R[]> {
    await this.turn();
    try {
      signal?.throwIfAborted();
      return await this.send<R>({ name, text, values }, deadlineMs);
    } finally {
      this.passOn();
    }
  }

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** For good. What is under way is cut off, its outcome unknown; what waits is not sent. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.refuseAll(this.stopped());
    if (this.opening !== undefined) this.drop(this.opening);
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) {
      client.removeAllListeners('error');
      client.on('error', () => this.drop(client));
      await client.end();
    }
  }

  private async turn(): Promise<void> {
    if (this.isStopped) throw this.stopped();
    if (this.isBusy) {
      await new Promise<void>((go, refuse) => this.waiting.push({ go, refuse }));
      return;
    }
    this.isBusy = true;
  }

  private passOn(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.isBusy = false;
    else next.go();
  }

  private refuseAll(why: unknown): void {
    for (const { refuse } of this.waiting.splice(0)) refuse(why);
  }

  private async send<R extends pg.QueryResultRow>(
    statement: pg.QueryConfig & { readonly name: string },
    deadlineMs: number,
  ): Promise<R[]> {
    const client = await this.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.drop(client);
        reject(new DeadlineError(`${statement.name} took longer than ${deadlineMs} ms`));
      }, deadlineMs);
    });
    try {
      return (await Promise.race([client.query<R>(statement), late])).rows;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) this.drop(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Who waits hears of a server that is not there at once: each in turn would wait for it anew. */
  private async connect(): Promise<pg.Client> {
    if (this.client !== undefined) return this.client;
    try {
      return (this.client = await this.open());
    } catch (error) {
      const why = this.isStopped ? this.stopped() : new UnconnectedError(error as Error);
      this.refuseAll(why);
      throw why;
    }
  }

  private async open(): Promise<pg.Client> {
    if (this.isStopped) throw this.stopped();
    const client = new pg.Client(clientConfig(this.options));
    client.on('error', () => this.drop(client));
    client.on('end', () => this.drop(client));
    this.opening = client;
    try {
      await client.connect();
    } finally {
      this.opening = undefined;
    }
    if (!this.isStopped) return client;
    this.drop(client);
    throw this.stopped();
  }

  private stopped(): StoppedError {
    return new StoppedError(`the connection ${this.options.name} was stopped`);
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
