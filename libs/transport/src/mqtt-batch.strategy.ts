import {
  BaseRpcContext,
  type CustomTransportStrategy,
  type MessageHandler,
  Server,
} from '@nestjs/microservices';
import {
  defer,
  exhaustMap,
  filter as filterValues,
  finalize,
  lastValueFrom,
  map,
  type Observable,
  type Subscription,
  tap,
} from 'rxjs';
import { type Mqtt, type MqttLog, wildcards } from '#mqtt';
import { createInbox, type Inbox, type InboxBounds } from './inbox.js';

const DEFAULT_BOUNDS: InboxBounds = { deliveriesMax: 10_000, bytesMax: 32 * 1024 * 1024 };
const CLOSE_BOUND_MS = 2_000;

export interface MqttBatchOptions {
  /** Started by `listen`, stopped by `close`. */
  readonly client: Mqtt;
  /** For the `{name}` in patterns, such as {cluster: 'main', thread: 's1-0'}. */
  readonly values?: Readonly<Record<string, string>>;
  /** Of each pattern. */
  readonly bounds?: Partial<InboxBounds>;
  readonly log: MqttLog;
}

type Events = Record<'up', (up: boolean) => void>;

interface Route {
  readonly filter: string;
  readonly inbox: Inbox;
  readonly handler: MessageHandler;
}

/**
 * Nest's transport over libs/mqtt: `@EventPattern('orrery/v1/{cluster}/s/{thread}/up/+')` gets an
 * array of the deliveries of one turn of the event loop. One slice at a time goes to a handler;
 * what comes meanwhile is collected. Nest's own MQTT server knows neither batches nor bytes.
 */
export class MqttBatchStrategy extends Server<Events> implements CustomTransportStrategy {
  readonly client: Mqtt;
  private routes: readonly Route[] = [];
  private releases: (() => void)[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly watchers: Subscription[] = [];

  constructor(private readonly options: MqttBatchOptions) {
    super();
    this.client = options.client;
  }

  /** Deliveries dropped for want of room, by filter. */
  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.routes.map(({ filter, inbox }) => [filter, inbox.dropped]));
  }

  /** Does not wait for the broker: being up is a level, to be read from `client.up$`. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.routes = [...this.messageHandlers].map(([pattern, handler]) => ({
        filter: fill(pattern, this.options.values ?? {}),
        inbox: createInbox({ ...DEFAULT_BOUNDS, ...this.options.bounds }),
        handler,
      }));
      for (const route of this.routes) this.open(route);
      await this.client.start();
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  override async close(): Promise<void> {
    for (const release of this.releases) release();
    for (const watcher of this.watchers) watcher.unsubscribe();
    this.releases = [];
    this.watchers.length = 0;
    await within(Promise.all(this.running), CLOSE_BOUND_MS);
    await this.client.stop();
  }

  override on<E extends keyof Events>(_event: E, callback: Events[E]): void {
    this.watchers.push(this.client.up$.subscribe(callback));
  }

  override unwrap<T>(): T {
    return this.client as T;
  }

  private open(route: Route): void {
    const { filter, inbox } = route;
    const segments = filter.split('/');
    let told = 0;
    const slices = inbox.ready$
      .pipe(
        // While a handler works, the inbox collects: its bound is the only queue there is.
        exhaustMap(() => this.slice$(route).pipe(finalize(() => inbox.wake()))),
        map(() => inbox.dropped),
        filterValues((dropped) => dropped > told),
        tap((dropped) => {
          const count = dropped - told;
          told = dropped;
          this.options.log.warn('deliveries were dropped for want of room', { filter, count });
        }),
      )
      .subscribe();
    const unsubscribe = this.client.subscribe(filter, (topic, payload, retained, qos) => {
      const wild = wildcards(segments, topic.split('/')) ?? [];
      inbox.push({ topic, wild, payload, retained, qos });
    });
    this.releases.push(() => {
      unsubscribe();
      slices.unsubscribe();
    });
  }

  private slice$(route: Route): Observable<void> {
    return defer(async () => {
      const work = this.handle(route);
      this.running.add(work);
      await work;
      this.running.delete(work);
    });
  }

  /** Never rejects: a handler that throws loses its slice, which will be sent again. */
  private async handle({ filter, inbox, handler }: Route): Promise<void> {
    const deliveries = inbox.take();
    if (deliveries.length === 0) return;
    try {
      const result: unknown = await handler(deliveries, new BaseRpcContext([filter]));
      await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
    } catch (error) {
      const stack = error instanceof Error ? error.stack : JSON.stringify(error);
      this.options.log.error('a message handler threw', { filter, stack });
    }
  }
}

function fill(pattern: string, values: Readonly<Record<string, string>>): string {
  return pattern.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = values[name];
    if (value !== undefined) return value;
    const known = Object.keys(values).join(', ') || 'none';
    throw new Error(`The pattern ${pattern} needs a value for {${name}}; given are: ${known}.`);
  });
}

async function within(work: Promise<unknown>, boundMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, boundMs);
  });
  await Promise.race([work, bound]);
  clearTimeout(timer);
}
