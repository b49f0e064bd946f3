import type { Limits, Millis } from '#core';
import {
  type Beat,
  type Death,
  type ExecutorBirth,
  beatCodec,
  decodeEnvelope,
  decodeExecutorPresence,
  decodeSchedulerPresence,
  encodePresence,
  lastLevel,
  liveCodec,
  softCodec,
  topicsOf,
  upCodec,
} from '#protocol';
import { ThreadHost, type ThreadMessage, laneOfMessage } from '#thread';
import type { Broker, BrokerLink } from '../broker/broker.js';
import type { World } from '../kernel/world.js';
import { DatabaseLink } from '../store/link.js';
import type { DatabaseServer } from '../store/server.js';
import { type Committing, SimStore } from '../store/sim-store.js';
import { isByPoison } from '../poison.js';
import { Process } from './process.js';

export interface SimCluster {
  readonly world: World;
  readonly server: DatabaseServer;
  readonly broker: Broker;
  readonly partitions: number;
  readonly life: string;
  readonly silentAfterMs: Millis;
  readonly massLossAfterMs: Millis;
  /** Messages that a thread steps before it settles. */
  readonly slice: number;
  readonly limits: Limits;
  committed(node: SchedulerNode, committing: Committing): void;
  /** A run is left alone from now on, until a person says otherwise. */
  parked(run: string, why: string): void;
  heard(node: SchedulerNode, executor: string, word: Beat | Death | ExecutorBirth): void;
}

const CLUSTER = 'sim';
export const topics = topicsOf(CLUSTER);
const SECOND_MS = 1_000;
const RECONNECT_MS = 1_000;
const REBIRTH_MS = 100;
const quiet = (): void => undefined;

/** What a thread says of defects of its own, and the check that it fails. */
const DEFECTS = [
  ['a partition failed at a message', 'no-bug'],
  ['the self-audit met a run', 'self-audit'],
] as const;

/** A scheduler process with one thread: the real host, and what is not real around it. */
export class SchedulerNode {
  readonly process: Process;
  readonly databaseLinks: DatabaseLink[] = [];
  brokerLink: BrokerLink | undefined;
  host: ThreadHost | undefined;
  startedAt: Millis = 0;
  /** Since when it can hear the broker, or cannot, by true time. */
  linkedSince: Millis | undefined;
  unlinkedSince: Millis = 0;
  private sessions = 0;
  private session = '';
  private linkSession = '';
  /** Results and commits go before submissions. */
  private readonly mailbox: [ThreadMessage[], ThreadMessage[]] = [[], []];
  private turning = false;

  constructor(
    private readonly cluster: SimCluster,
    readonly thread: string,
    rate: number,
  ) {
    this.process = new Process(cluster.world, thread, rate);
  }

  start(): void {
    const { process, cluster } = this;
    if (process.alive) return;
    process.begin();
    this.startedAt = cluster.world.now;
    this.session = `${this.thread}-${++this.sessions}`;
    for (const lane of this.mailbox) lane.length = 0;
    this.turning = false;
    const link = (): DatabaseLink => {
      const made = new DatabaseLink(cluster.server, process.after);
      this.databaseLinks.push(made);
      return made;
    };
    this.databaseLinks.length = 0;
    const links = { commits: link(), reads: link(), control: link() };
    const store = new SimStore(cluster.server, links, (committing) =>
      cluster.committed(this, committing),
    );
    const { partitions, life, silentAfterMs, massLossAfterMs, limits } = cluster;
    const { thread, session } = this;
    const patience = { silentAfterMs, massLossAfterMs };
    this.host = new ThreadHost(
      { thread, session, scheduler: thread, partitions, life, ...patience, topics, limits },
      {
        store,
        wire: { publish: (topic, payload) => this.brokerLink?.publish(topic, payload) },
        mono: () => process.mono(),
        after: process.after,
        tell: (message) => this.tell(message),
        log: {
          debug: quiet,
          info: quiet,
          warn: (text, about) => this.say(text, about),
          error: (text, about) => this.wrong(text, about),
        },
      },
    );
    this.connect();
    this.host.start();
    this.second();
  }

  /** As by SIGKILL. */
  kill(): void {
    if (!this.process.alive) return;
    this.process.end();
    this.host = undefined;
    this.brokerLink?.end();
    this.brokerLink = undefined;
  }

  /** As by SIGTERM: it hands over, then it is gone. */
  leave(done: () => void): void {
    const { host } = this;
    if (host === undefined) return done();
    host.stop(() => {
      const { brokerLink } = this;
      this.brokerLink = undefined;
      brokerLink?.publish(topics.schedulerPresence(this.thread), this.presence('death'), true);
      brokerLink?.leave();
      this.kill();
      done();
    });
  }

  tell(message: ThreadMessage): void {
    this.mailbox[laneOfMessage(message)].push(message);
    this.turn();
  }

  private turn(): void {
    if (this.turning) return;
    this.turning = true;
    this.process.turn(() => {
      this.turning = false;
      const { host } = this;
      if (host === undefined) return;
      const [first, second] = this.mailbox;
      for (let i = 0; i < this.cluster.slice; i++) {
        const message = first.shift() ?? second.shift();
        if (message === undefined) break;
        host.receive(message);
      }
      host.settle();
      if (first.length + second.length > 0) this.turn();
    });
  }

  private second(): void {
    this.tell({ kind: 'second' });
    this.process.after(SECOND_MS, () => this.second());
  }

  private connect(): void {
    const { cluster, process, thread } = this;
    this.linkSession = `${this.session}-${++this.sessions}`;
    const { generation } = process;
    const topic = topics.schedulerPresence(thread);
    const link = cluster.broker.connect(
      {
        // Not that of its former process, whose will may come late.
        id: `${thread}-${this.session}`,
        filters: [
          topics.threadIn(thread),
          topics.up(thread, '+'),
          topics.executorPresence('+'),
          topics.schedulerPresence('+'),
          topics.beat('+'),
          topics.liveWant,
        ],
        will: { topic, payload: this.presence('death') },
        deliver: (on, payload) => process.hear(generation, () => this.hear(on, payload)),
        closed: () => process.hear(generation, () => this.closed()),
      },
      process.after,
    );
    if (link === undefined) {
      process.after(RECONNECT_MS, () => this.connect());
      return;
    }
    this.brokerLink = link;
    this.linkedSince = cluster.world.now;
    link.publish(topic, this.presence('birth'), true);
    this.tell({ kind: 'link', up: true });
  }

  private presence(state: 'birth' | 'death'): string {
    const { linkSession: session, cluster } = this;
    if (state === 'death') return encodePresence({ v: 1, state, session });
    return encodePresence({ v: 1, state, session, life: cluster.life });
  }

  private closed(): void {
    this.brokerLink = undefined;
    this.linkedSince = undefined;
    this.unlinkedSince = this.cluster.world.now;
    this.tell({ kind: 'link', up: false });
    this.process.after(RECONNECT_MS, () => this.connect());
  }

  /** As the ingress does it. */
  private hear(topic: string, payload: string): void {
    const { kind, second, third, from } = partsOf(topic);
    if (kind === 'presence' && second === 'x') {
      const presence = decodeExecutorPresence(payload);
      if (presence === undefined) return;
      this.cluster.heard(this, from, presence);
      this.tell({ kind: 'presence', executor: from, presence });
    } else if (kind === 'presence') {
      if (from === this.thread && payload !== this.presence('birth')) this.beBornAgain(topic);
      const presence = decodeSchedulerPresence(payload);
      if (presence !== undefined) this.tell({ kind: 'scheduler', thread: from, presence });
    } else if (kind === 'beat') {
      for (const beat of itemsOf(beatCodec, payload)) {
        this.cluster.heard(this, from, beat);
        this.tell({ kind: 'beat', executor: from, beat });
      }
    } else if (kind === 'live') {
      for (const item of itemsOf(liveCodec, payload)) {
        if (item.kind === 'want') this.tell({ kind: 'want', partitions: item.partitions });
      }
    } else if (third === 'in') {
      this.tell({ kind: 'soft', items: itemsOf(softCodec, payload) });
    } else if (third === 'up') {
      this.tell({ kind: 'up', executor: from, items: itemsOf(upCodec, payload) });
    }
  }

  /** The will of a former process, most often. */
  private beBornAgain(topic: string): void {
    const { brokerLink } = this;
    this.process.after(REBIRTH_MS, () => brokerLink?.publish(topic, this.presence('birth'), true));
  }

  private say(text: string, about: unknown): void {
    this.cluster.world.trace(this.thread, () => `${text} ${plain(about)}`);
  }

  private wrong(text: string, about: unknown): void {
    this.say(text, about);
    if (text === 'a run is parked') {
      const { run, reason } = about as { run: string; reason: string };
      this.cluster.parked(run, reason);
    }
    if (isByPoison(about)) return;
    const check = DEFECTS.find(([of]) => text.startsWith(of))?.[1];
    if (check !== undefined) {
      this.cluster.world.violate(check, `${this.thread}: ${text} ${plain(about)}`);
    }
  }
}

interface TopicParts {
  readonly kind: string | undefined;
  readonly second: string | undefined;
  readonly third: string | undefined;
  readonly from: string;
}
const parts = new Map<string, TopicParts>();

/** There are few topics, and many messages. */
function partsOf(topic: string): TopicParts {
  let found = parts.get(topic);
  if (found === undefined) {
    const [, , , kind, second, third] = topic.split('/');
    found = { kind, second, third, from: lastLevel(topic) };
    parts.set(topic, found);
  }
  return found;
}

function itemsOf<I>(codec: Parameters<typeof decodeEnvelope<I>>[0], payload: string): readonly I[] {
  const decoded = decodeEnvelope(codec, payload);
  if (!decoded.ok) throw new Error(`the wire carries nonsense: ${decoded.why}`);
  return decoded.envelope.items;
}

const plain = (about: unknown): string =>
  JSON.stringify(about, (_, value: unknown) => (value instanceof Error ? value.message : value)) ??
  '';
