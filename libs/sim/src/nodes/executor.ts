import {
  type EndError,
  type Ending,
  type LedgerEffect,
  type LedgerMessage,
  type LedgerRecord,
  type LedgerState,
  type Millis,
  Owners,
  type Token,
  busyOf,
  ledgerKey,
  ledgerMachine,
  restoreLedger,
} from '#core';
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
import type { World } from '../kernel/world.js';
import { decodeScript } from './job.js';
import { Process } from './process.js';
import { topics } from './scheduler.js';

const TICK_MS = 250;
const BEAT_MS = 5_000;
const BIRTH_MS = 1_000;
const RECONNECT_MS = 1_000;

type Start = Extract<LedgerEffect, { kind: 'start' }>;
type Persist = Extract<LedgerEffect, { kind: 'persist' | 'note' }>;

/** What jobs did, as they say it themselves: the second history that the checks compare. */
export interface JobLog {
  started(token: Token, executor: string): void;
  ended(token: Token, executor: string, outcome: Ending['outcome']): void;
}

interface Running {
  readonly start: Start;
  left: Millis;
  since: Millis;
  isFrozen: boolean;
  cancel: () => void;
  readonly ending: Ending;
}

/** An executor process: the real ledger, with a disk, a link and jobs that are not real. */
export class ExecutorNode {
  readonly process: Process;
  brokerLink: BrokerLink | undefined;
  /** What was synced; nothing else outlives the process. */
  private disk: LedgerRecord[] = [];
  private ledger: LedgerState | undefined;
  private effects: LedgerEffect[] = [];
  private inFlight: readonly LedgerEffect[] | undefined;
  private readonly running = new Map<string, Running>();
  private owners = new Owners(() => 0);
  private session = '';
  private welcomed: string | undefined;
  private identity: { incarnation: number | null; cluster: string | null } = {
    incarnation: null,
    cluster: null,
  };
  private sessions = 0;
  private beats = 0;
  private outgoing = new Map<string, Up[]>();
  private flushing = false;

  constructor(
    private readonly world: World,
    private readonly broker: Broker,
    readonly id: string,
    private readonly slots: number,
    rate: number,
    private readonly jobs: JobLog,
  ) {
    this.process = new Process(world, id, rate);
  }

  start(): void {
    const { process } = this;
    if (process.alive) return;
    process.begin();
    this.owners = new Owners(() => process.mono());
    const options = {
      executor: this.id,
      slots: this.slots,
      backlog: this.slots,
      judge: () => ({ kind: 'take' }) as const,
    };
    this.ledger = restoreLedger(options, this.disk);
    const { incarnation, cluster } = this.ledger;
    this.identity = { incarnation, cluster };
    this.effects = [];
    this.inFlight = undefined;
    this.outgoing = new Map();
    this.flushing = false;
    this.tell({ kind: 'restored' });
    this.tick();
    this.connect();
  }

  /** As by SIGKILL of the whole tree: the jobs go with it. */
  kill(): void {
    if (!this.process.alive) return;
    this.process.end();
    this.ledger = undefined;
    this.running.clear();
    this.welcomed = undefined;
    this.brokerLink?.end();
    this.brokerLink = undefined;
  }

  loseDisk(): void {
    this.kill();
    this.disk = [];
  }

  get isIdle(): boolean {
    return this.running.size === 0 && (this.ledger?.outbox ?? 0) === 0;
  }

  private tick(): void {
    this.tell({ kind: 'tick' });
    this.process.after(TICK_MS, () => this.tick());
  }

  // ── The ledger, its disk, and what follows from it ───────────────────────────────────────────

  private tell(message: LedgerMessage): void {
    const { ledger } = this;
    if (ledger === undefined) return;
    ledgerMachine.step(ledger, message, this.process.mono(), (effect) => this.effects.push(effect));
    this.settle();
  }

  private settle(): void {
    if (this.inFlight !== undefined || this.effects.length === 0) return;
    const first = this.effects.findIndex((effect) => effect.kind === 'persist');
    const now = first < 0 ? this.effects : this.effects.slice(0, first);
    const later = first < 0 ? [] : this.effects.slice(first);
    this.effects = [];
    for (const effect of now) this.perform(effect);
    if (later.length === 0) return;
    this.inFlight = later;
    const records = later
      .filter((effect): effect is Persist => effect.kind === 'persist' || effect.kind === 'note')
      .map((effect) => structuredClone(effect.record));
    // On disk at some instant of the write; what follows is done when it is known.
    const lasts = this.world.random.between(0.2, 8);
    this.process.after(lasts * this.world.random.unit(), () => this.disk.push(...records));
    this.process.after(lasts, () => {
      this.inFlight = undefined;
      for (const effect of later) this.perform(effect);
      this.settle();
    });
  }

  private perform(effect: LedgerEffect): void {
    switch (effect.kind) {
      case 'persist':
      case 'note':
      case 'refused':
        return;
      case 'start':
        this.begin(effect);
        return;
      case 'stop':
        this.stop(effect.token, effect.graceMs);
        return;
      case 'freeze':
        this.freeze(effect);
        return;
      case 'send':
        this.send({ ...effect.item, partition: effect.partition } as Up, effect.tries);
        return;
      case 'identified': {
        const { incarnation, cluster } = effect;
        if (cluster !== this.identity.cluster) this.owners.forget();
        this.identity = { incarnation, cluster };
        this.beBorn();
        return;
      }
      default: {
        const never: never = effect;
        return never;
      }
    }
  }

  // ── Jobs ─────────────────────────────────────────────────────────────────────────────────────

  private begin(start: Start): void {
    const { token, partition, work } = start;
    const script = decodeScript(work.params);
    const end = script.ends[Math.min(token.attempt, script.ends.length) - 1] ?? 'SUCCEEDED';
    const isLong = work.timeoutMs > 0 && script.ms > work.timeoutMs;
    const ending = isLong ? endingOf('TIMED_OUT') : endingOf(end, script.result);
    const running: Running = {
      start,
      left: isLong ? work.timeoutMs : script.ms,
      since: this.process.mono(),
      isFrozen: false,
      cancel: () => undefined,
      ending,
    };
    this.running.set(ledgerKey(token), running);
    this.jobs.started(token, this.id);
    this.world.trace(this.id, () => `starts ${nameOf(token)}`);
    this.goOn(running);
    this.tell({ kind: 'started', partition, token });
  }

  private goOn(running: Running): void {
    running.since = this.process.mono();
    running.cancel = this.process.after(running.left, () => this.ended(running, running.ending));
  }

  private ended(running: Running, ending: Ending): void {
    const { token, partition } = running.start;
    if (!this.running.delete(ledgerKey(token))) return;
    running.cancel();
    this.jobs.ended(token, this.id, ending.outcome);
    this.world.trace(this.id, () => `ends ${nameOf(token)} ${ending.outcome}`);
    this.tell({ kind: 'ended', partition, token, ending });
  }

  private stop(token: Token, graceMs: Millis): void {
    const running = this.running.get(ledgerKey(token));
    if (running === undefined) return;
    // Some end at the signal, some have to be killed.
    const takes = this.world.random.chance(0.5) ? 1 : graceMs + 1;
    this.process.after(takes, () => this.ended(running, endingOf('CANCELLED')));
  }

  private freeze({ partition, token, on, seq }: Extract<LedgerEffect, { kind: 'freeze' }>): void {
    const running = this.running.get(ledgerKey(token));
    if (running === undefined) return;
    if (on && !running.isFrozen) {
      running.cancel();
      running.left = Math.max(0, running.left - (this.process.mono() - running.since));
    } else if (!on && running.isFrozen) this.goOn(running);
    running.isFrozen = on;
    this.send({ kind: 'froze', partition, token, seq }, 0);
  }

  // ── The link ─────────────────────────────────────────────────────────────────────────────────

  private connect(): void {
    const { process, id } = this;
    this.session = `${id}-${++this.sessions}`;
    const topic = topics.executorPresence(id);
    const death = encodePresence({ v: 1, state: 'death', session: this.session });
    const link = this.broker.connect(
      {
        id,
        filters: [topics.down(id), topic],
        will: { topic, payload: death },
        deliver: (on, payload) => process.guarded(() => this.hear(on, payload))(),
        closed: process.guarded(() => this.closed()),
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
    this.tell({ kind: 'unlinked' });
    this.process.after(RECONNECT_MS, () => this.connect());
  }

  private beBorn(): void {
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
      draining: false,
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
    const busy = this.ledger === undefined ? 0 : busyOf(this.ledger);
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
        this.tell({ kind: 'welcomed', session, cluster, incarnation });
        return;
      }
      default:
        this.owners.learn(item.partition, sender, item.epoch);
        this.tell({ kind: 'down', session, item });
    }
  }

  private send(item: Up, tries: number): void {
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

const nameOf = (token: Token): string =>
  `${token.run.slice(-6)}/${token.attempt} at ${token.epoch}.${token.seq}`;

function endingOf(outcome: Ending['outcome'], result: string | null = null): Ending {
  const isOk = outcome === 'SUCCEEDED';
  const error: EndError = {
    class: 'TestError',
    message: 'as its script says',
    code: null,
    stack: null,
    retryMs: null,
  };
  return {
    outcome,
    exitCode: isOk ? 0 : 1,
    signal: null,
    result: isOk ? result : null,
    error: isOk ? null : error,
    cpuMs: null,
    memoryPeakBytes: null,
  };
}
