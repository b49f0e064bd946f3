import type { Millis } from '#core';
import type { World } from '../kernel/world.js';

export interface Will {
  readonly topic: string;
  readonly payload: string;
}
export interface BrokerClient {
  readonly id: string;
  /** Topics, with `+` for one level. */
  readonly filters: readonly string[];
  readonly will: Will;
  deliver(topic: string, payload: string): void;
  /** The connection is gone, as its end sees it. */
  closed(): void;
}
export interface BrokerFaults {
  /** Of each message: that it is lost, that it comes twice, that it comes late. */
  loss: number;
  double: number;
  late: number;
}

/** The broker misses a client after this: 1.5 times its keep-alive. */
const SILENT_MS: Millis = 15_000;
const CLIENT_NOTICES_MS: Millis = 12_000;

/** A client's connection as the broker holds it. */
export class BrokerLink {
  /** Words do not get through: those of the client, or those to it. */
  cut: 'none' | 'to' | 'from' | 'both' = 'none';
  open = true;
  /** When the last word of a topic reaches it: words of one topic keep their order. */
  readonly lastAt = new Map<string, Millis>();
  private silence: (() => void) | undefined;

  constructor(
    private readonly broker: Broker,
    readonly client: BrokerClient,
    /** Of the client's process. */
    private readonly after: (delay: Millis, run: () => void) => () => void,
  ) {}

  get isHeard(): boolean {
    return this.open && this.cut !== 'from' && this.cut !== 'both';
  }

  get hears(): boolean {
    return this.open && this.cut !== 'to' && this.cut !== 'both';
  }

  publish(topic: string, payload: string, retain = false): void {
    if (!this.isHeard) return;
    this.broker.take(this, topic, payload, retain);
  }

  /** The network between is cut: each end notices in its own time. */
  cutOff(cut: 'to' | 'from' | 'both'): void {
    this.cut = cut;
    const { world } = this.broker;
    if (cut !== 'to') this.silence = world.after(SILENT_MS, () => this.broker.drop(this));
    this.after(CLIENT_NOTICES_MS, () => {
      if (this.cut !== 'none') this.end();
    });
  }

  heal(): void {
    this.cut = 'none';
    this.silence?.();
  }

  /** By the client, or because its socket was reset. */
  end(): void {
    if (!this.open) return;
    const wasHeard = this.isHeard;
    this.open = false;
    // A reset that gets through tells the broker at once; else it notices by the silence.
    if (wasHeard) {
      this.broker.world.after(this.broker.latency(), () => this.broker.drop(this));
    }
    this.client.closed();
  }
}

/** An MQTT broker: topics, retained words, last wills; it promises nothing. */
export class Broker {
  isUp = true;
  readonly faults: BrokerFaults = { loss: 0, double: 0, late: 0 };
  private readonly links = new Set<BrokerLink>();
  private readonly retained = new Map<string, string>();
  /** Whose each topic is; found anew when somebody comes or goes. */
  private readonly routes = new Map<string, readonly BrokerLink[]>();
  delivered = 0;
  /** When a last will, and what else is retained, was said last: by topic. */
  readonly willSaidAt = new Map<string, Millis>();
  readonly birthSaidAt = new Map<string, Millis>();

  constructor(
    readonly world: World,
    /** RabbitMQ gives no retained words to filters with a `+`. */
    private readonly retains: boolean,
  ) {}

  latency(): Millis {
    return this.world.random.between(0.1, 2);
  }

  /** Undefined: nobody listens. */
  connect(
    client: BrokerClient,
    after: (delay: Millis, run: () => void) => () => void,
  ): BrokerLink | undefined {
    if (!this.isUp) return undefined;
    // As MQTT has it: who comes with the id of another takes its place.
    for (const other of this.links) if (other.client.id === client.id) this.drop(other);
    const link = new BrokerLink(this, client, after);
    this.links.add(link);
    this.routes.clear();
    for (const [topic, payload] of this.retains ? this.retained : []) {
      if (isFor(link, topic)) this.send(link, topic, payload);
    }
    return link;
  }

  take(from: BrokerLink, topic: string, payload: string, retain: boolean): void {
    const { faults, world } = this;
    if (!retain && world.random.chance(faults.loss)) return;
    world.after(this.latency(), () => {
      if (!this.isUp || !this.links.has(from)) return;
      if (retain) this.birthSaidAt.set(topic, world.now);
      this.spread(topic, payload, retain);
    });
  }

  /** The client is gone: its last will is said. */
  drop(link: BrokerLink): void {
    if (!this.links.delete(link)) return;
    this.routes.clear();
    if (link.open) {
      link.open = false;
      link.client.closed();
    }
    if (!this.isUp) return;
    const { topic, payload } = link.client.will;
    this.willSaidAt.set(topic, this.world.now);
    this.spread(topic, payload, true);
  }

  crash(): void {
    this.isUp = false;
    this.retained.clear();
    const links = [...this.links];
    this.links.clear();
    this.routes.clear();
    for (const link of links) {
      if (!link.open) continue;
      link.open = false;
      this.world.after(this.latency(), () => link.client.closed());
    }
  }

  start(): void {
    this.isUp = true;
  }

  private spread(topic: string, payload: string, retain: boolean): void {
    if (retain) this.retained.set(topic, payload);
    let route = this.routes.get(topic);
    if (route === undefined) {
      route = [...this.links].filter((link) => isFor(link, topic));
      this.routes.set(topic, route);
    }
    for (const link of route) this.send(link, topic, payload);
  }

  private send(link: BrokerLink, topic: string, payload: string): void {
    const { faults, world } = this;
    const times = world.random.chance(faults.double) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const isLate = world.random.chance(faults.late);
      const delay = this.latency() + (isLate ? world.random.exponential(2_000) : 0);
      // A copy that comes late may be overtaken by other topics, not by its own.
      const at = Math.max(world.now + delay, i === 0 ? (link.lastAt.get(topic) ?? 0) : 0);
      if (i === 0) link.lastAt.set(topic, at);
      world.after(at - world.now, () => {
        if (!link.hears) return;
        this.delivered++;
        link.client.deliver(topic, payload);
      });
    }
  }
}

const isFor = ({ client }: BrokerLink, topic: string): boolean =>
  client.filters.some((filter) => isMatch(filter, topic));

const known = new Map<string, Map<string, boolean>>();

/** There are few of both, and each is asked for whenever somebody comes or goes. */
function isMatch(filter: string, topic: string): boolean {
  let topics = known.get(filter);
  if (topics === undefined) {
    topics = new Map();
    known.set(filter, topics);
  }
  let found = topics.get(topic);
  if (found === undefined) {
    const want = filter.split('/');
    const has = topic.split('/');
    found = want.length === has.length && want.every((w, i) => w === '+' || w === has[i]);
    topics.set(topic, found);
  }
  return found;
}
