import { type LedgerMessage, Owners } from '#core';
import {
  type Down,
  type Up,
  beatCodec,
  decodeEnvelope,
  downCodec,
  encodeEnvelope,
  encodePresence,
  upCodec,
} from '#protocol';
import type { Broker, BrokerLink } from '../broker/broker.js';
import type { Process } from './process.js';
import { topics } from './scheduler.js';

const BEAT_MS = 5_000;
const BIRTH_MS = 1_000;
const RECONNECT_MS = 1_000;

export interface LinkHost {
  tell(message: LedgerMessage): void;
  busy(): number;
}
export interface Identity {
  readonly incarnation: number | null;
  readonly cluster: string | null;
}

/** The link of one generation of an executor: births and beats up, owners' words down. */
export class ExecutorLink {
  brokerLink: BrokerLink | undefined;
  private readonly owners: Owners;
  private session = '';
  private welcomed: string | undefined;
  private sessions = 0;
  private beats = 0;
  private outgoing = new Map<string, Up[]>();
  private flushing = false;
  private isDraining = false;

  constructor(
    private readonly process: Process,
    private readonly broker: Broker,
    private readonly id: string,
    private readonly slots: number,
    private identity: Identity,
    private readonly host: LinkHost,
  ) {
    this.owners = new Owners(() => process.mono());
  }

  identify(identity: Identity): void {
    if (identity.cluster !== this.identity.cluster) this.owners.forget();
    this.identity = identity;
    this.beBorn();
  }

  connect(): void {
    const { process, id } = this;
    const { generation } = process;
    this.session = `${id}-${generation}-${++this.sessions}`;
    const topic = topics.executorPresence(id);
    const death = encodePresence({ v: 1, state: 'death', session: this.session });
    const link = this.broker.connect(
      {
        id,
        filters: [topics.down(id), topic],
        will: { topic, payload: death },
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
    this.beBorn();
    this.bearUntilWelcome(this.session);
    this.beat(this.session);
  }

  private closed(): void {
    this.brokerLink = undefined;
    this.welcomed = undefined;
    this.host.tell({ kind: 'unlinked' });
    this.process.after(RECONNECT_MS, () => this.connect());
  }

  /** From now on it offers nothing. */
  drain(): void {
    this.isDraining = true;
    this.beBorn();
  }

  beBorn(): void {
    this.brokerLink?.publish(topics.executorPresence(this.id), this.birth(), true);
  }

  private birth(): string {
    return encodePresence({
      v: 1,
      state: 'birth',
      session: this.session,
      ...this.identity,
      name: this.id,
      version: 'sim',
      pool: 'default',
      slots: this.slots,
      labels: {},
      capabilities: ['shell'],
      draining: this.isDraining,
    });
  }

  private bearUntilWelcome(session: string): void {
    this.process.after(BIRTH_MS, () => {
      if (session !== this.session || this.brokerLink === undefined) return;
      if (this.welcomed === session) return;
      this.beBorn();
      this.bearUntilWelcome(session);
    });
  }

  private beat(session: string): void {
    if (session !== this.session || this.brokerLink === undefined) return;
    this.beats += 1;
    const { incarnation } = this.identity;
    const busy = this.host.busy();
    const beat = { kind: 'beat', session, incarnation, n: this.beats, slots: this.slots, busy };
    const envelope = { sender: this.id, session, items: [beat as never] };
    this.brokerLink.publish(topics.beat(this.id), encodeEnvelope(beatCodec, envelope));
    this.process.after(BEAT_MS, () => this.beat(session));
  }

  private hear(topic: string, payload: string): void {
    if (topic === topics.executorPresence(this.id)) {
      // The will of a former connection, most often: it is answered with the birth.
      if (payload !== this.birth()) this.process.after(100, () => this.beBorn());
      return;
    }
    const decoded = decodeEnvelope(downCodec, payload);
    if (!decoded.ok) throw new Error(`the wire carries nonsense: ${decoded.why}`);
    const { sender, session, items } = decoded.envelope;
    if (session !== this.session) return;
    this.owners.heard(sender);
    for (const item of items) this.take(sender, session, item);
  }

  private take(sender: string, session: string, item: Down): void {
    switch (item.kind) {
      case 'beat':
        return;
      case 'owners':
        for (const { partition, thread, epoch } of item.owners) {
          this.owners.learn(partition, thread, epoch);
        }
        return;
      case 'rebirth':
        this.beBorn();
        return;
      case 'welcome': {
        const { cluster, incarnation } = item;
        const isKnown =
          cluster === this.identity.cluster && incarnation === this.identity.incarnation;
        if (isKnown) this.welcomed = session;
        this.host.tell({ kind: 'welcomed', session, cluster, incarnation });
        return;
      }
      default:
        this.owners.learn(item.partition, sender, item.epoch);
        this.host.tell({ kind: 'down', session, item });
    }
  }

  send(item: Up, tries: number): void {
    const thread = this.owners.route(item.partition, tries);
    if (thread === undefined) return;
    const pile = this.outgoing.get(thread) ?? [];
    pile.push(item);
    this.outgoing.set(thread, pile);
    if (this.flushing) return;
    this.flushing = true;
    this.process.after(0.1, () => this.flush());
  }

  private flush(): void {
    this.flushing = false;
    const { outgoing, session } = this;
    this.outgoing = new Map();
    if (this.welcomed !== session) return;
    for (const [thread, items] of outgoing) {
      const payload = encodeEnvelope(upCodec, { sender: this.id, session, items });
      this.brokerLink?.publish(topics.up(thread, this.id), payload);
    }
  }
}
