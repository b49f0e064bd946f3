import {
  BehaviorSubject,
  type Observable,
  Subscription,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  timeout,
} from 'rxjs';
import { type LedgerState, type Millis, restoreLedger, snapshotLedger } from '#core';
import { type Dropped, Engine } from './engine.js';
import type { LedgerView } from './ledger.actor.js';
import { type ExecutorOptions, type Resolved, resolveOptions } from './options.js';
import { endLeftovers } from './runners/leftovers.js';
import { judgeWork } from './runners/spec.js';
import { type Store, clearWork, openStore } from './store/directory.js';

/** Between SIGTERM and SIGKILL when the executor itself stops. */
const STOP_GRACE_MS = 500;
/** Killed trees are dead within this, or left to the next start. */
const DEATH_BOUND_MS = 3_000;
/** For the acks of what was just reported; the rest is in the outbox. */
const FAREWELL_BOUND_MS = 500;

export interface ExecutorState {
  /** 'failed': a defect; stop it and start it again, its memory is on disk. */
  readonly phase: 'stopped' | 'starting' | 'running' | 'draining' | 'failed';
  /** Connected, and the cluster knows this session. */
  readonly welcomed: boolean;
  readonly connected: boolean;
  readonly busy: number;
  /** Reports without an acknowledgement. */
  readonly outbox: number;
}

export interface StopOptions {
  /** How long what runs may go on; then it is asked to end, killed, and reported as LOST. */
  readonly drainMs?: Millis;
}

export interface Executor {
  start(): Promise<void>;
  /** Tolerates a stop without a start, and two stops. */
  stop(options?: StopOptions): Promise<void>;
  readonly state$: Observable<ExecutorState>;
  readonly state: ExecutorState;
  /** Known once it has started. */
  readonly id: string | undefined;
  readonly incarnation: number | null;
  /** How long nobody has answered its beats. */
  readonly isolatedForMs: Millis;
  /** Messages that were refused or dropped, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export const createExecutor = (options: ExecutorOptions): Executor =>
  new ExecutorProcess(resolveOptions(options));

const STOPPED: ExecutorState = {
  phase: 'stopped',
  welcomed: false,
  connected: false,
  busy: 0,
  outbox: 0,
};

class ExecutorProcess implements Executor {
  readonly state$: Observable<ExecutorState>;
  private readonly states = new BehaviorSubject<ExecutorState>(STOPPED);
  private readonly refusals = new Map<Dropped, number>();
  private running:
    | { readonly store: Store; readonly ledger: LedgerState; readonly engine: Engine }
    | undefined;
  private subscription = new Subscription();
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly options: Resolved) {
    const same = (a: ExecutorState, b: ExecutorState): boolean =>
      a === b || JSON.stringify(a) === JSON.stringify(b);
    this.state$ = this.states.pipe(distinctUntilChanged(same));
  }

  get state(): ExecutorState {
    return this.states.value;
  }

  get id(): string | undefined {
    return this.running?.store.id ?? this.options.id;
  }

  get incarnation(): number | null {
    return this.running?.ledger.incarnation ?? null;
  }

  get isolatedForMs(): Millis {
    return this.running?.engine.link.isolatedForMs ?? 0;
  }

  get refused(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.refusals, ...(this.running?.engine.link.dropped ?? [])]);
  }

  start(): Promise<void> {
    return this.inTurn(() => this.open());
  }

  stop({ drainMs = 0 }: StopOptions = {}): Promise<void> {
    return this.inTurn(() => this.close(drainMs));
  }

  /** One after the other, whatever the caller's order. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.turn.then(work);
    this.turn = next.catch(() => undefined);
    return next;
  }

  private async open(): Promise<void> {
    if (this.running !== undefined) return;
    this.change({ ...STOPPED, phase: 'starting' });
    const store = await openStore(this.options.directory, this.options.id).catch((error) => {
      this.change(STOPPED);
      throw error;
    });
    try {
      const ledger = await this.restore(store);
      const { options } = this;
      const count = (why: Dropped): void => this.count(why);
      const engine = new Engine({ options, store, ledger, count });
      this.running = { store, ledger, engine };
      this.subscription = this.watch(engine);
    } catch (error) {
      await store.close();
      this.change(STOPPED);
      throw error;
    }
    this.change({ phase: 'running' });
    await this.running.engine.start();
  }

  private async restore(store: Store): Promise<LedgerState> {
    const { slots, backlog, handlers, log } = this.options;
    const { records, damaged } = await store.journal.read();
    if (damaged) {
      log.error('the journal is damaged: it is set aside, and this is another incarnation', {
        directory: this.options.directory,
      });
    }
    const names = new Set(Object.keys(handlers));
    const ledger = restoreLedger(
      { executor: store.id, slots, backlog, judge: (work) => judgeWork(work, names) },
      records,
    );
    const killed = await endLeftovers(store.id, ledger);
    if (killed > 0) log.warn('processes of the former life were killed', { killed });
    await clearWork(store);
    await store.journal.rewrite(snapshotLedger(ledger));
    return ledger;
  }

  private watch({ system, ref, link }: Engine): Subscription {
    const subscription = new Subscription();
    subscription.add(
      link.state$.subscribe(({ up, welcomed }) =>
        this.change({ connected: up, welcomed: welcomed !== null }),
      ),
    );
    subscription.add(
      system.state$<LedgerView>(ref).subscribe(({ busy, outbox }) => this.change({ busy, outbox })),
    );
    subscription.add(
      system.incidents$.subscribe(({ error }) => {
        const stack = error instanceof Error ? error.stack : String(error);
        this.options.log.error('the ledger failed: this executor must be started anew', { stack });
        this.change({ phase: 'failed' });
      }),
    );
    return subscription;
  }

  private async close(drainMs: Millis): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    const { engine, store } = running;
    if (this.state.phase !== 'failed') await this.drain(engine, drainMs);
    await engine.stop();
    this.subscription.unsubscribe();
    await store.close();
    this.running = undefined;
    this.change(STOPPED);
  }

  private async drain(engine: Engine, drainMs: Millis): Promise<void> {
    const { system, ref, link, attempts } = engine;
    this.change({ phase: 'draining' });
    ref.tell({ kind: 'draining', on: true });
    link.drain(true);
    const view$ = system.state$<LedgerView>(ref);
    const idle = (view: LedgerView): boolean => view.busy === 0 && view.quiet;
    const within = async (boundMs: Millis, so: (view: LedgerView) => boolean): Promise<boolean> => {
      const yes$ = view$.pipe(
        filter(so),
        map(() => true),
      );
      return firstValueFrom(yes$.pipe(timeout(Math.max(1, boundMs)))).catch(() => false);
    };
    if (!(await within(drainMs, idle))) {
      attempts.stopAll(STOP_GRACE_MS);
      await within(DEATH_BOUND_MS, idle);
    }
    const { welcomed } = this.state;
    if (welcomed) await within(FAREWELL_BOUND_MS, (view) => view.quiet && view.outbox === 0);
  }

  private count(why: Dropped): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
  }

  private change(part: Partial<ExecutorState>): void {
    if (this.states.value.phase === 'failed' && part.phase !== 'stopped') return;
    this.states.next({ ...this.states.value, ...part });
  }
}
