import {
  type LedgerEffect,
  type LedgerMessage,
  type LedgerRecord,
  type LedgerState,
  type Millis,
  busyOf,
  ledgerMachine,
  restoreLedger,
} from '#core';
import type { Up } from '#protocol';
import type { Broker, BrokerLink } from '../broker/broker.js';
import type { World } from '../kernel/world.js';
import { ExecutorLink } from './executor-link.js';
import { type JobLog, Jobs } from './jobs.js';
import { Process } from './process.js';

const TICK_MS = 250;
const IDLE_TICK_MS = 1_000;
const DRAIN_LOOK_MS = 100;

type Persist = Extract<LedgerEffect, { kind: 'persist' | 'note' }>;

/** An executor process: the real ledger, with a disk, a link and jobs that are not real. */
export class ExecutorNode {
  readonly process: Process;
  /** What was synced; nothing else outlives the process. */
  private disk: LedgerRecord[] = [];
  private ledger: LedgerState | undefined;
  private link: ExecutorLink | undefined;
  private effects: LedgerEffect[] = [];
  private inFlight: readonly LedgerEffect[] | undefined;
  private readonly jobs: Jobs;

  constructor(
    private readonly world: World,
    private readonly broker: Broker,
    readonly id: string,
    private readonly slots: number,
    rate: number,
    log: JobLog,
  ) {
    this.process = new Process(world, id, rate);
    this.jobs = new Jobs(
      this.process,
      {
        started: (partition, token) => this.tell({ kind: 'started', partition, token }),
        ended: (partition, token, ending) => this.tell({ kind: 'ended', partition, token, ending }),
        froze: (partition, token, seq) =>
          this.link?.send({ kind: 'froze', partition, token, seq }, 0),
      },
      log,
    );
  }

  get brokerLink(): BrokerLink | undefined {
    return this.link?.brokerLink;
  }

  get isIdle(): boolean {
    return this.jobs.size === 0 && (this.ledger?.outbox ?? 0) === 0;
  }

  start(): void {
    const { process, id, slots } = this;
    if (process.alive) return;
    process.begin();
    const judge = () => ({ kind: 'take' }) as const;
    const ledger = restoreLedger({ executor: id, slots, backlog: slots, judge }, this.disk);
    const { incarnation, cluster } = ledger;
    this.ledger = ledger;
    this.effects = [];
    this.inFlight = undefined;
    const host = {
      tell: (message: LedgerMessage) => this.tell(message),
      busy: () => busyOf(ledger),
    };
    const identity = { incarnation, cluster };
    this.link = new ExecutorLink(process, this.broker, id, slots, identity, host);
    this.tell({ kind: 'restored' });
    this.tick();
    this.link.connect();
  }

  /** As by SIGKILL of the whole tree: the jobs go with it. */
  kill(): void {
    if (!this.process.alive) return;
    this.process.end();
    this.ledger = undefined;
    this.jobs.clear();
    this.link?.brokerLink?.end();
    this.link = undefined;
  }

  /** As by SIGTERM: nothing new is taken, what runs may end, for so long; then it is gone. */
  drain(drainMs: Millis, done: () => void): void {
    const { process } = this;
    if (this.ledger === undefined) return done();
    const until = process.mono() + drainMs;
    this.tell({ kind: 'draining', on: true });
    this.link?.drain();
    const look = (): void => {
      if (!this.isIdle && process.mono() < until) {
        process.after(DRAIN_LOOK_MS, look);
        return;
      }
      this.kill();
      done();
    };
    process.after(DRAIN_LOOK_MS, look);
  }

  loseDisk(): void {
    this.kill();
    this.disk = [];
  }

  private tick(): void {
    this.tell({ kind: 'tick' });
    // While no report is owed a tick says next to nothing: they are most of what would happen.
    const isOwing = (this.ledger?.outbox ?? 0) > 0;
    this.process.after(isOwing ? TICK_MS : IDLE_TICK_MS, () => this.tick());
  }

  private tell(message: LedgerMessage): void {
    const { ledger } = this;
    if (ledger === undefined) return;
    ledgerMachine.step(ledger, message, this.process.mono(), (effect) => this.effects.push(effect));
    this.settle();
  }

  /** As the ledger's actor does it: what follows from a record waits until that is on disk. */
  private settle(): void {
    if (this.inFlight !== undefined || this.effects.length === 0) return;
    const { effects } = this;
    this.effects = [];
    const first = effects.findIndex((effect) => effect.kind === 'persist');
    const later = first < 0 ? [] : effects.splice(first);
    for (const effect of effects) this.perform(effect);
    if (later.length === 0) return;
    this.inFlight = later;
    // Nobody changes a record: it is as good as its bytes.
    const records = later
      .filter((effect): effect is Persist => effect.kind === 'persist' || effect.kind === 'note')
      .map((effect) => effect.record);
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
        this.jobs.begin(effect);
        return;
      case 'stop':
        this.jobs.stop(effect.token, effect.graceMs);
        return;
      case 'freeze':
        this.jobs.freeze(effect);
        return;
      case 'send':
        this.link?.send({ ...effect.item, partition: effect.partition } as Up, effect.tries);
        return;
      case 'identified': {
        const { incarnation, cluster } = effect;
        this.link?.identify({ incarnation, cluster });
        return;
      }
      default: {
        const never: never = effect;
        return never;
      }
    }
  }
}
