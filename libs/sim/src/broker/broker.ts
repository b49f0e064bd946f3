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

/** That of all our clients. */
export const KEEPALIVE_MS: Millis = 5_000;
/** So long after the last word one end misses the other. */
const SILENT_MS: Millis = 1.5 * KEEPALIVE_MS;
/** mosquitto looks only so often who is silent. */
const LOOK_MS: Millis = 5_000;
/** Of a payload: more is sent to nobody. */
const BYTES_MAX = 1024 * 1024;

/** A client's connection as the broker holds it. */
export class BrokerLink {
  /** Words do not get through: those of the client, or those to it. */
  cut: 'none' | 'to' | 'from' | 'both' = 'none';
  open = true;
  /** When the last word of a topic reaches it: words of one topic keep their order. */
  readonly topicAt = new Map<string, Millis>();
  private silence: (() => void) | undefined;
  private lastAt: Millis = 0;

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

  /** false: it cannot be sent. true is no promise that it comes through. */
  publish(topic: string, payload: string, retain = false): boolean {
    if (!this.open || payload.length > BYTES_MAX) return false;
    if (this.isHeard) this.broker.take(this, topic, payload, retain);
    return true;
  }

  /** The network between is cut: each end notices in its own time. */
  cutOff(cut: 'to' | 'from' | 'both'): void {
    this.cut = cut;
    this.silence?.();
    if (cut !== 'to') this.silence = this.broker.miss(this);
    this.after(SILENT_MS, () => {
      if (this.cut !== 'none') this.end();
    });
  }

  heal(): void {
    this.cut = 'none';
    this.silence?.();
    // What one end has given up meanwhile the other hears of now.
    if (!this.open) this.reaches(() => this.broker.drop(this));
    else if (!this.broker.has(this)) this.end();
  }

  /** A clean end: what was said before it is heard, and no last will. */
  leave(): void {
    if (this.isHeard) this.reaches(() => this.broker.forget(this));
    this.open = false;
  }

  /** What this end sends arrives in the order in which it was sent. */
  reaches(run: () => void): void {
    const { world } = this.broker;
    this.lastAt = Math.max(world.now + this.broker.latency(), this.lastAt);
    world.after(this.lastAt - world.now, run);
  }

  /** Because its process is gone, or its socket was reset. */
  end(): void {
    if (!this.open) return;
    const wasHeard = this.isHeard;
    this.open = false;
    // A reset that gets through tells the broker at once; else it notices by the silence.
    if (wasHeard) this.reaches(() => this.broker.drop(this));
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
    // As MQTT has it: who comes by the id of another takes its place.
    for (const other of this.links) if (other.client.id === client.id) this.drop(other);
    const link = new BrokerLink(this, client, after);
    this.links.add(link);
    this.routes.clear();
    for (const [topic, payload] of this.retains ? this.retained : []) {
      if (isFor(link, topic)) this.send(link, topic, payload, true);
    }
    return link;
  }

  take(from: BrokerLink, topic: string, payload: string, retain: boolean): void {
    const { faults, world } = this;
    if (!retain && world.random.chance(faults.loss)) return;
    from.reaches(() => {
      if (!this.isUp || !this.links.has(from)) return;
      if (retain) this.birthSaidAt.set(topic, world.now);
      this.spread(topic, payload, retain);
    });
  }

  has(link: BrokerLink): boolean {
    return this.links.has(link);
  }

  forget(link: BrokerLink): void {
    this.links.delete(link);
    this.routes.clear();
  }

  /** It falls silent: who is so for some time is dropped, unless that is taken back. */
  miss(link: BrokerLink, isSilent = (): boolean => true): () => void {
    const { world } = this;
    return world.after(SILENT_MS + world.random.between(0, LOOK_MS), () => {
      if (isSilent()) this.drop(link);
    });
  }

  /** The client is gone: its last will is said. Who is cut off has to find out by itself. */
  drop(link: BrokerLink): void {
    if (!this.links.delete(link)) return;
    this.routes.clear();
    if (link.hears) {
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
      if (!link.hears) continue;
      link.open = false;
      this.world.after(this.latency(), () => link.client.closed());
    }
  }

  start(): void {
    this.isUp = true;
  }

  private spread(topic: string, payload: string, retain: boolean): void {
    if (retain && payload.length > 0) this.retained.set(topic, payload);
    else if (retain) this.retained.delete(topic);
    let route = this.routes.get(topic);
    if (route === undefined) {
      route = [...this.links].filter((link) => isFor(link, topic));
      this.routes.set(topic, route);
    }
    for (const link of route) this.send(link, topic, payload);
  }

  private send(link: BrokerLink, topic: string, payload: string, isRetained = false): void {
    const { faults, world } = this;
    const times = world.random.chance(faults.double) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const isLate = world.random.chance(faults.late);
      const delay = this.latency() + (isLate ? world.random.exponential(2_000) : 0);
      // A word that comes late may be overtaken by other topics, not by its own. But what was
      // retained may: aedes reads it after it has answered.
      const isInOrder = i === 0 && !isRetained;
      const at = Math.max(world.now + delay, isInOrder ? (link.topicAt.get(topic) ?? 0) : 0);
      if (isInOrder) link.topicAt.set(topic, at);
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
