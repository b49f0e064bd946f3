import { Subscription } from 'rxjs';
import { type ActorRef, type ActorSystem, createSystem, systemDispatcher } from '#actor';
import {
  type LedgerMessage,
  type LedgerState,
  type Millis,
  type Refusal,
  busyOf,
  ledgerKey,
  mindsAnswers,
} from '#core';
import { FunctionRunner } from './functions/runner.js';
import {
  type LedgerActorMessage,
  type LedgerOutput,
  ledgerActor,
  ledgerOptions,
} from './ledger.actor.js';
import { Link } from './link/link.js';
import { LogShipper } from './logs/shipper.js';
import type { Resolved } from './options.js';
import { type AttemptEvents, Attempts } from './runners/attempts.js';
import { HttpRunner } from './runners/http/http.js';
import { failed } from './runners/runner.js';
import { ShellRunner } from './runners/shell.js';
import { readSpec } from './runners/spec.js';
import { Wheel } from './runners/wheel.js';
import type { Store } from './store/directory.js';

const VERSION = '0.1.0';
const TICK_MS = 250;
/** Beats while something here goes by their answers (3.6): one that is lost ends nothing. */
const ASK_EVERY_MS = 1_500;
/** A look that is so late: this process stood still. */
const STALL_MS = 1_000;
const SHUTDOWN_BOUND_MS = 1_000;

export type Dropped = Refusal | 'mailbox-full';

export interface EngineParts {
  readonly options: Resolved;
  readonly store: Store;
  readonly ledger: LedgerState;
  readonly count: (why: Dropped) => void;
}

/** What exists between a start and its stop: ledger, link and runners, wired together. */
export class Engine {
  readonly system: ActorSystem;
  readonly ref: ActorRef<LedgerActorMessage>;
  readonly link: Link;
  readonly attempts: Attempts;
  private readonly functions: FunctionRunner;
  private readonly logs: LogShipper;
  private readonly wheel: Wheel;
  private askedAt = Number.NEGATIVE_INFINITY;
  private lookedAt = Number.POSITIVE_INFINITY;
  private readonly subscription = new Subscription();

  constructor(private readonly parts: EngineParts) {
    const { options, store } = parts;
    const { clock, log } = options;
    this.wheel = new Wheel(clock);
    this.functions = new FunctionRunner({
      handlers: options.handlers,
      threadsMax: options.threads,
      onRetired: (why) => log.warn('a thread of handlers is replaced', { why }),
    });
    const requests = new HttpRunner({
      allow: options.httpAllow,
      userAgent: `orrery/${VERSION}`,
      clock,
    });
    const shells = new ShellRunner({
      executor: store.id,
      workDirectory: store.workDirectory,
      environment: options.environment,
      wheel: this.wheel,
    });
    this.link = new Link(linkOptionsOf(parts));
    const { link, functions } = this;
    this.logs = new LogShipper((partition, items) => link.publishLogs(partition, items), clock);
    const runners = { shell: shells, http: requests, function: functions };
    this.attempts = new Attempts(
      (spec) => runners[spec.kind],
      this.attemptEvents(),
      this.wheel,
      () => clock.elapsed(),
    );
    this.system = createSystem({ clock, dispatcher: systemDispatcher });
    this.ref = this.spawnLedger();
  }

  async start(): Promise<void> {
    const { clock } = this.parts.options;
    this.functions.start();
    this.ref.tell({ kind: 'restored' });
    this.subscription.add(this.link.messages$.subscribe((messages) => this.takeIn(messages)));
    let cancel = (): void => undefined;
    const tick = (): void => {
      this.look();
      cancel = clock.after(TICK_MS, tick);
    };
    tick();
    this.subscription.add(() => cancel());
    await this.link.start();
  }

  async stop(): Promise<void> {
    this.logs.stop();
    this.functions.stop();
    await this.link.stop();
    this.subscription.unsubscribe();
    await this.system.shutdown(SHUTDOWN_BOUND_MS);
    this.wheel.stop();
  }

  private look(): void {
    const { link, ref } = this;
    const { options, ledger } = this.parts;
    const now = options.clock.elapsed();
    // After a stall of our own the answers are there and not yet read: the next look knows.
    const hasStalled = now - this.lookedAt > STALL_MS;
    this.lookedAt = now;
    if ((hasStalled || now - this.askedAt >= ASK_EVERY_MS) && mindsAnswers(ledger)) {
      this.askedAt = now;
      link.beat();
    }
    ref.tell({ kind: 'tick', unansweredMs: hasStalled ? undefined : link.answers.unansweredMs });
  }

  private takeIn(messages: readonly LedgerMessage[]): void {
    for (const message of messages) {
      if (this.ref.tell(message) === 'full') this.parts.count('mailbox-full');
    }
  }

  /** The mailbox has room for every slot's words; after a stop the journal knows the rest. */
  private attemptEvents(): AttemptEvents {
    return {
      started: ({ partition, token }) => this.ref.tell({ kind: 'started', partition, token }),
      ended: (attempt, ending) => {
        const { partition, token } = attempt;
        this.logs.end(attempt);
        this.ref.tell({ kind: 'ended', partition, token, ending });
      },
      log: (attempt, stream, chunk, resume) => this.logs.write(attempt, stream, chunk, resume),
      progress: ({ partition, token }, percent, message) =>
        this.link.report(partition, token, percent, message),
    };
  }

  private spawnLedger(): ActorRef<LedgerActorMessage> {
    const { options, store, ledger } = this.parts;
    const { clock, log } = options;
    const epochMs: Millis = clock.now() - clock.elapsed();
    const ports = {
      journal: store.journal,
      state: ledger,
      // Wall time at the start and monotonic from there: durations are never negative.
      now: () => epochMs + clock.elapsed(),
      perform: (effect: LedgerOutput) => this.perform(effect),
      writeFailed: (error: unknown) =>
        log.error('the journal cannot be written: nothing is claimed or reported meanwhile', {
          because: error instanceof Error ? error.message : String(error),
        }),
    };
    return this.system.spawn(ledgerActor, ports, ledgerOptions);
  }

  private perform(effect: LedgerOutput): void {
    switch (effect.kind) {
      case 'start':
        return this.begin(effect);
      case 'stop':
        return this.attempts.stop(effect.token, effect.graceMs, effect.why, effect.outcome);
      case 'freeze':
        return this.freeze(effect);
      case 'send':
        return this.link.send(effect.partition, effect.item, effect.tries);
      case 'identified':
        return this.link.identify(effect);
      case 'refused':
        return this.parts.count(effect.why);
      default: {
        const never: never = effect;
        return never;
      }
    }
  }

  /** Only what is so is said: who cannot stop in place says nothing. */
  private freeze(effect: Extract<LedgerOutput, { kind: 'freeze' }>): void {
    const { partition, token, on, seq } = effect;
    if (!this.attempts.freeze(token, on)) return;
    this.link.send(partition, { kind: 'froze', token, seq }, 0);
  }

  private begin(effect: Extract<LedgerOutput, { kind: 'start' }>): void {
    const { partition, token, work, acceptedAt } = effect;
    const read = readSpec(work);
    if (read.kind === 'known') {
      const { spec } = read;
      this.attempts.start({ key: ledgerKey(token), partition, token, work, spec, acceptedAt });
      return;
    }
    const ending = failed('SPEC_INVALID', 'the specification cannot be read any more');
    this.ref.tell({ kind: 'ended', partition, token, ending });
  }
}

function linkOptionsOf({ options, store, ledger }: EngineParts) {
  const functions = Object.keys(options.handlers).map((name) => `function:${name}`);
  return {
    mqttUrl: options.mqttUrl,
    cluster: options.cluster,
    self: {
      id: store.id,
      name: store.id,
      version: VERSION,
      pool: options.pool,
      slots: options.slots,
      labels: options.labels,
      capabilities: ['shell', 'http', ...functions],
      beatMs: options.beatMs,
    },
    identity: { incarnation: ledger.incarnation, cluster: ledger.cluster },
    busy: () => busyOf(ledger),
    clock: options.clock,
    log: options.log,
  };
}
