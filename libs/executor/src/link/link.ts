import { BehaviorSubject, type Observable, Subject, type Subscription } from 'rxjs';
import type { Clock } from '#actor';
import { type LedgerMessage, type LedgerUp, type Millis, type Token, Owners } from '#core';
import { type MqttLog, type PresenceLink, createPresenceLink } from '#mqtt';
import {
  type Down,
  type Envelope,
  type LogChunk,
  type Topics,
  WIRE_VERSION,
  beatCodec,
  decodeEnvelope,
  downCodec,
  encodeEnvelope,
  encodePresence,
  logCodec,
  topicsOf,
} from '#protocol';
import { Answers } from './answers.js';
import { Outgoing } from './outgoing.js';

/** What the link tells about this executor in births and beats. */
export interface Self {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly pool: string;
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly beatMs: Millis;
}

export interface Identity {
  readonly incarnation: number | null;
  readonly cluster: string | null;
}

export interface LinkOptions {
  readonly mqttUrl: string;
  readonly cluster: string;
  readonly self: Self;
  readonly identity: Identity;
  readonly busy: () => number;
  readonly clock: Clock;
  readonly log: MqttLog;
}

export interface LinkState {
  readonly up: boolean;
  /** The session in which the cluster knows us as we are. */
  readonly welcomed: string | null;
}

const BIRTH_EVERY_MS = 1_000;
const POISON_SAID_EVERY_MS = 60_000;

/**
 * The wire's end (architecture §9): presence and beats up, owners' words down. It decides nothing
 * about tokens; messages for the ledger leave through `messages$`.
 */
export class Link {
  readonly messages$: Observable<readonly LedgerMessage[]>;
  readonly state$: Observable<LinkState>;
  /** Messages that were dropped, by reason. */
  readonly dropped = new Map<string, number>();
  private readonly poisonSaidAt = new Map<string, Millis>();
  readonly outgoing: Outgoing;
  private readonly owners: Owners;
  private readonly topics: Topics;
  private readonly presence: PresenceLink;
  private readonly inbound = new Subject<readonly LedgerMessage[]>();
  private readonly state = new BehaviorSubject<LinkState>({ up: false, welcomed: null });
  private identity: Identity;
  private isDraining = false;
  private beats = 0;
  readonly answers: Answers;
  private readonly subscriptions: Subscription[] = [];
  private cancelBeat: (() => void) | undefined;
  private cancelBirth: (() => void) | undefined;

  constructor(private readonly options: LinkOptions) {
    const { cluster, self, clock, log } = options;
    this.identity = options.identity;
    this.topics = topicsOf(cluster);
    this.messages$ = this.inbound.asObservable();
    this.state$ = this.state.asObservable();
    this.answers = new Answers(() => clock.elapsed());
    this.owners = new Owners(() => clock.elapsed());
    this.outgoing = new Outgoing({
      executor: self.id,
      clock,
      session: () => this.state.value.welcomed,
      route: (partition, tries) => this.owners.route(partition, tries),
      publish: (thread, payload) =>
        this.presence.client.publish(this.topics.up(thread, self.id), payload),
    });
    this.presence = createPresenceLink({
      mqtt: {
        url: options.mqttUrl,
        clientId: `x.${cluster}.${self.id}`,
        log,
        onConnect: () => this.connected(),
      },
      topic: this.topics.executorPresence(self.id),
      birth: (session) => this.birth(session),
      death: (session) => Buffer.from(encodePresence({ v: 1, state: 'death', session })),
    });
  }

  /** How long nobody has answered our beats: we cannot tell whether anybody hears us. */
  get isolatedForMs(): Millis {
    return this.answers.silentMs;
  }

  get session(): string | null {
    return this.presence.session ?? null;
  }

  async start(): Promise<void> {
    const { client } = this.presence;
    this.answers.begin();
    this.subscriptions.push(
      client
        .messages$(this.topics.down(this.options.self.id))
        .subscribe(({ payload }) => this.receive(payload)),
      client.up$.subscribe((up) => {
        if (!up) this.disconnected();
      }),
    );
    await this.presence.start();
  }

  async stop(): Promise<void> {
    this.outgoing.stop();
    this.cancelBeat?.();
    this.cancelBirth?.();
    await this.presence.stop();
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
  }

  send(partition: number, item: LedgerUp, tries: number): void {
    this.outgoing.send({ ...item, partition }, tries);
  }

  report(partition: number, token: Token, percent: number | null, message: string): void {
    this.outgoing.report(partition, token, percent, message);
  }

  /** false: nobody could be told. */
  publishLogs(partition: number, items: readonly LogChunk[]): boolean {
    const { client } = this.presence;
    const { self } = this.options;
    const session = this.state.value.welcomed;
    const thread = this.owners.route(partition, 0);
    if (session === null || thread === undefined) return false;
    const payload = encodeEnvelope(logCodec, { sender: self.id, session, items });
    return client.publish(this.topics.log(thread, self.id), payload, { qos: 1 });
  }

  /** Who we are is on disk by now. */
  identify(identity: Identity): void {
    if (identity.cluster !== this.identity.cluster) this.owners.forget();
    this.identity = identity;
    this.beBorn();
  }

  drain(on: boolean): void {
    this.isDraining = on;
    this.beBorn();
  }

  /** Now, and then regularly again. */
  beat(): void {
    const { session } = this.presence;
    const { self, busy } = this.options;
    this.cancelBeat?.();
    this.cancelBeat = this.options.clock.after(self.beatMs, () => this.beat());
    if (session === undefined) return;
    this.beats += 1;
    const item = {
      kind: 'beat',
      session,
      incarnation: this.identity.incarnation,
      n: this.beats,
      slots: this.isDraining ? 0 : self.slots,
      busy: busy(),
    } as const;
    const payload = encodeEnvelope(beatCodec, { sender: self.id, session, items: [item] });
    this.presence.client.publish(this.topics.beat(self.id), payload);
  }

  private birth(session: string): Buffer {
    const { name, version, pool, slots, labels, capabilities } = this.options.self;
    const birth = {
      v: 1,
      state: 'birth',
      session,
      incarnation: this.identity.incarnation,
      cluster: this.identity.cluster,
      name,
      version: `${version} wire/${WIRE_VERSION}`,
      pool,
      slots,
      labels,
      capabilities,
      draining: this.isDraining,
    } as const;
    return Buffer.from(encodePresence(birth));
  }

  private connected(): void {
    this.state.next({ up: true, welcomed: null });
    this.bearUntilWelcome();
    this.beat();
  }

  private disconnected(): void {
    this.cancelBirth?.();
    if (!this.state.value.up) return;
    this.state.next({ up: false, welcomed: null });
    this.inbound.next([{ kind: 'unlinked' }]);
  }

  private bearUntilWelcome(): void {
    this.cancelBirth?.();
    this.cancelBirth = this.options.clock.after(BIRTH_EVERY_MS, () => {
      if (!this.state.value.up || this.state.value.welcomed !== null) return;
      this.beBorn();
      this.bearUntilWelcome();
    });
  }

  private beBorn(): void {
    this.presence.refresh();
  }

  private receive(payload: Buffer): void {
    const decoded = decodeEnvelope(downCodec, payload);
    if (!decoded.ok) return this.poison(decoded.why);
    const { envelope } = decoded;
    if (envelope.session !== this.presence.session) return this.drop('other-session');
    this.owners.heard(envelope.sender);
    const messages: LedgerMessage[] = [];
    for (const item of envelope.items) {
      const message = this.interpret(envelope, item);
      if (message !== undefined) messages.push(message);
    }
    if (messages.length > 0) this.inbound.next(messages);
  }

  private interpret({ sender, session }: Envelope<Down>, item: Down): LedgerMessage | undefined {
    switch (item.kind) {
      case 'beat':
        if (item.n <= this.beats) this.answers.came();
        return undefined;
      case 'owners':
        for (const { partition, thread, epoch } of item.owners) {
          this.owners.learn(partition, thread, epoch);
        }
        return undefined;
      case 'rebirth':
        this.beBorn();
        return undefined;
      case 'welcome':
        this.welcomed(session, item.cluster, item.incarnation);
        return { kind: 'welcomed', session, cluster: item.cluster, incarnation: item.incarnation };
      default:
        this.owners.learn(item.partition, sender, item.epoch);
        return { kind: 'down', session, item };
    }
  }

  /** Only what was said to the birth of who we are by now: an earlier one told us that. */
  private welcomed(session: string, cluster: string, incarnation: number): void {
    const { identity } = this;
    this.answers.came();
    if (identity.cluster !== cluster || identity.incarnation !== incarnation) return;
    if (this.state.value.welcomed === session) return;
    this.state.next({ up: true, welcomed: session });
    this.beat();
  }

  /** Anybody may write to a broker: what makes no sense is counted, and said once a minute. */
  private poison(why: string): void {
    this.drop(why);
    const { clock, log, self } = this.options;
    const now = clock.elapsed();
    const saidAt = this.poisonSaidAt.get(why);
    if (saidAt !== undefined && now - saidAt < POISON_SAID_EVERY_MS) return;
    this.poisonSaidAt.set(why, now);
    const topic = this.topics.down(self.id);
    const count = this.dropped.get(why);
    log.warn('a message makes no sense and is dropped', { topic, why, count });
  }

  private drop(why: string): void {
    this.dropped.set(why, (this.dropped.get(why) ?? 0) + 1);
  }
}
