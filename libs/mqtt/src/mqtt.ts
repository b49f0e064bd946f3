import { randomBytes } from 'node:crypto';
import { BehaviorSubject, distinctUntilChanged, Observable } from 'rxjs';
import {
  type Bounds,
  type Connection,
  openConnection,
  type PublishOptions,
  type Will,
} from './connection.js';
import { createDispatch, type MessageHandler } from './dispatch.js';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 500;
/** Only a connection that lasted makes the next attempt quick again. */
const HEALTHY_MS = 5_000;
/** So long may a client be silent; half as long again, and it is missed. */
export const KEEPALIVE_S = 5;
const FAREWELL_BOUND_MS = 1_000;
const SESSION_BYTES = 8;
const DEFAULT_BOUNDS: Bounds = {
  inFlightBytesMax: 8 * 1024 * 1024,
  inFlightMax: 1_000,
  payloadBytesMax: 1024 * 1024,
};

export interface MqttLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface MqttOptions {
  readonly url: string;
  readonly clientId: string;
  readonly keepaliveS?: number;
  readonly bounds?: Partial<Bounds>;
  /** Asked at each connection, with the session that this connection begins. */
  readonly will?: (session: string) => Will;
  /** Connected and subscribed: the first moment at which `publish` sends. */
  readonly onConnect?: (session: string) => void;
  /** A last word before the DISCONNECT of a stop; waited for within a bound. */
  readonly farewell?: (session: string) => Promise<void>;
  readonly log: MqttLog;
}

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
}

export interface Mqtt {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** true: sent; false: dropped, for want of a connection or of room. Nothing ever waits. */
  publish(topic: string, payload: Buffer | string, options?: PublishOptions): boolean;
  /** Like `publish` with QoS 1, and resolves at the broker's word; false when there is none. */
  publishAcked(topic: string, payload: Buffer, retain?: boolean): Promise<boolean>;
  /** Returns what ends the subscription. Filters of one client had better not overlap. */
  subscribe(filter: string, handler: MessageHandler): () => void;
  messages$(filter: string): Observable<Message>;
  /** Connected and subscribed. */
  readonly up$: Observable<boolean>;
  readonly up: boolean;
  /** A new one for each connection. */
  readonly session: string | undefined;
  readonly dropped: number;
}

export const createMqtt = (options: MqttOptions): Mqtt => new MqttLink(options);

class MqttLink implements Mqtt {
  readonly up$: Observable<boolean>;
  dropped = 0;
  private readonly dispatch = createDispatch();
  private readonly isUp = new BehaviorSubject(false);
  private connection: Connection | undefined;
  private connectionSession: string | undefined;
  private readonly bounds: Bounds;
  private started = false;
  /** Connected, though perhaps not yet subscribed. */
  private askable = false;
  private stopping: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private backoffMs = BACKOFF_MS_MIN;
  /** What waits for an acknowledgement hears "no" when the connection ends. */
  private readonly waiting = new Set<(acked: boolean) => void>();

  constructor(private readonly options: MqttOptions) {
    this.bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.up$ = this.isUp.pipe(distinctUntilChanged());
  }

  get up(): boolean {
    return this.isUp.value;
  }

  get session(): string | undefined {
    return this.connectionSession;
  }

  async start(): Promise<void> {
    await this.stopping;
    if (this.started) return;
    this.started = true;
    this.open();
  }

  stop(): Promise<void> {
    this.stopping ??= this.end().finally(() => {
      this.stopping = undefined;
    });
    return this.stopping;
  }

  publish(topic: string, payload: Buffer | string, options: PublishOptions = {}): boolean {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    const sent = this.up && this.connection?.publish(topic, bytes, options) === true;
    if (sent) return true;
    this.dropped += 1;
    // To be resent for ever and never to arrive is a defect of the sender; the rest is weather.
    if (bytes.length > this.bounds.payloadBytesMax) {
      this.options.log.error('a message above the bound is dropped', {
        topic,
        bytes: bytes.length,
      });
    }
    return false;
  }

  publishAcked(topic: string, payload: Buffer, retain = false): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (acked: boolean): void => {
        this.waiting.delete(answer);
        resolve(acked);
      };
      this.waiting.add(answer);
      const options = { qos: 1, retain } as const;
      const connection = this.up ? this.connection : undefined;
      if (connection?.publish(topic, payload, options, () => answer(true))) return;
      this.dropped += 1;
      answer(false);
    });
  }

  subscribe(filter: string, handler: MessageHandler): () => void {
    // A function of its own, so that one handler may be given twice.
    const own: MessageHandler = (...message) => handler(...message);
    const first = this.dispatch.add(filter, own);
    if (first && this.askable) void this.ask([filter]); // answered by a log line at worst
    return () => {
      if (this.dispatch.remove(filter, own)) this.connection?.unsubscribe(filter);
    };
  }

  messages$(filter: string): Observable<Message> {
    return new Observable((subscriber) =>
      this.subscribe(filter, (topic, payload) => subscriber.next({ topic, payload })),
    );
  }

  private open(): void {
    const session = randomBytes(SESSION_BYTES).toString('hex');
    const openedAt = performance.now();
    const ifCurrent = (then: () => void): void => {
      if (this.connection === connection) then();
    };
    const { url, clientId, log } = this.options;
    const connection = openConnection({
      url,
      clientId,
      keepaliveS: this.options.keepaliveS ?? KEEPALIVE_S,
      will: this.options.will?.(session),
      bounds: this.bounds,
      onOpen: () => ifCurrent(() => void this.opened(connection, session)),
      onMessage: (...message) => ifCurrent(() => this.deliver(message)),
      onError: (error) => log.debug('MQTT connection failed', { url, because: error.message }),
      onClose: () => ifCurrent(() => this.closed(performance.now() - openedAt)),
    });
    this.connection = connection;
    this.connectionSession = session;
  }

  private async opened(connection: Connection, session: string): Promise<void> {
    this.askable = true;
    await this.ask(this.dispatch.filters);
    if (this.connection !== connection || !this.started) return;
    this.options.log.debug('MQTT is up', { url: this.options.url, session });
    this.isUp.next(true);
    this.guarded('onConnect', () => this.options.onConnect?.(session));
  }

  private async ask(filters: readonly string[]): Promise<void> {
    const { connection } = this;
    try {
      await connection?.subscribe(filters);
    } catch (error) {
      if (this.connection !== connection) return; // it ended: the next one asks again
      const because = error instanceof Error ? error.message : String(error);
      this.options.log.error('the broker refused a subscription', { filters, because });
    }
  }

  private deliver(message: Parameters<MessageHandler>): void {
    const [topic] = message;
    for (const handler of this.dispatch.handlersOf(topic)) {
      this.guarded(topic, () => handler(...message));
    }
  }

  private guarded(where: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.options.log.error('an MQTT handler threw', { where, stack });
    }
  }

  private closed(lastedMs: number): void {
    this.connection?.destroy();
    this.leave();
    if (!this.started) return;
    if (lastedMs > HEALTHY_MS) this.backoffMs = BACKOFF_MS_MIN;
    this.retry = setTimeout(() => this.open(), this.backoffMs);
    this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MS_MAX);
  }

  private leave(): void {
    this.connection = undefined;
    this.connectionSession = undefined;
    this.askable = false;
    for (const answer of this.waiting) answer(false);
    this.isUp.next(false);
  }

  private async end(): Promise<void> {
    if (!this.started) return;
    this.started = false;
    clearTimeout(this.retry);
    const { connection, session } = this;
    if (!connection) return;
    if (this.up && session) await this.sayFarewell(session);
    this.leave();
    await connection.close();
  }

  private async sayFarewell(session: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FAREWELL_BOUND_MS);
    });
    try {
      await Promise.race([this.options.farewell?.(session), bound]);
    } catch (error) {
      this.options.log.warn('the farewell failed', { error: String(error) });
    } finally {
      clearTimeout(timer);
    }
  }
}
