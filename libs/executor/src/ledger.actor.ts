import type { ActorContext, Behavior, SpawnOptions } from '#actor';
import {
  type LedgerEffect,
  type LedgerMessage,
  type LedgerRecord,
  type LedgerState,
  type Millis,
  busyOf,
  ledgerMachine,
  snapshotLedger,
} from '#core';
import type { Journal } from './store/journal.js';

/** What happens once what it follows from is on disk. */
export type LedgerOutput = Exclude<LedgerEffect, { kind: 'persist' | 'note' }>;

export interface LedgerPorts {
  readonly journal: Journal;
  /** As the journal holds it: the machine changes it in place. */
  readonly state: LedgerState;
  readonly now: () => Millis;
  readonly perform: (effect: LedgerOutput) => void;
  readonly writeFailed: (error: unknown) => void;
}

type Own =
  | { readonly kind: 'written'; readonly ok: boolean; readonly error?: unknown }
  | { readonly kind: 'retry' };
export type LedgerActorMessage = LedgerMessage | Own;

/** What others may see of it. */
export interface LedgerView {
  readonly busy: number;
  readonly outbox: number;
  /** Nothing waits for the disk. */
  readonly quiet: boolean;
}

interface Shell {
  readonly ports: LedgerPorts;
  effects: LedgerEffect[];
  /** Waits for the write that is under way. */
  inFlight: readonly LedgerEffect[] | null;
  /** Records to which nothing waits: they go with the next write. */
  notes: LedgerRecord[];
}

const RETRY_MS = 500;

/**
 * The shell round the ledger: a turn's records in one write and one fsync, then what follows from
 * them; while a write is under way the next turn's grows. Order is kept throughout, so whatever
 * stands behind a record waits for it, whichever message it came from.
 */
export const ledgerActor: Behavior<LedgerActorMessage, Shell, LedgerPorts> = {
  name: 'ledger',
  start: (ports) => ({ ports, effects: [], inFlight: null, notes: [] }),
  receive(shell, message, context) {
    switch (message.kind) {
      case 'written':
        return written(shell, message, context);
      case 'retry':
        write(shell, context);
        return shell;
      default: {
        const { ports } = shell;
        ledgerMachine.step(ports.state, message, ports.now(), (effect) => {
          shell.effects.push(effect);
        });
        return shell;
      }
    }
  },
  settle(shell, context) {
    if (shell.inFlight !== null || shell.effects.length === 0) return shell;
    const { effects } = shell;
    shell.effects = [];
    const first = effects.findIndex((effect) => effect.kind === 'persist');
    performAll(shell, first < 0 ? effects : effects.slice(0, first));
    if (first < 0) return shell;
    shell.inFlight = effects.slice(first);
    write(shell, context);
    return shell;
  },
};

function write(shell: Shell, context: ActorContext<LedgerActorMessage>): void {
  const { journal, state } = shell.ports;
  let done: Promise<void>;
  if (journal.wantsRewrite) {
    // A snapshot says everything the machine has stepped over, so all of it waits for this write.
    shell.inFlight = [...(shell.inFlight ?? []), ...shell.effects];
    shell.effects = [];
    shell.notes = [];
    done = journal.rewrite(snapshotLedger(state));
  } else done = journal.append(recordsOf(shell));
  context.pipe(done, (outcome) => ({ kind: 'written', ...outcome }));
}

function recordsOf(shell: Shell): readonly LedgerRecord[] {
  const records = shell.notes;
  shell.notes = [];
  for (const effect of shell.inFlight ?? []) {
    if (effect.kind === 'persist' || effect.kind === 'note') records.push(effect.record);
  }
  return records;
}

function written(
  shell: Shell,
  outcome: Extract<Own, { kind: 'written' }>,
  context: ActorContext<LedgerActorMessage>,
): Shell {
  if (!outcome.ok) {
    // Nothing that waits is said or done; the next try writes all of it into a new file.
    shell.ports.writeFailed(outcome.error);
    context.timer('retry', RETRY_MS, { kind: 'retry' });
    return shell;
  }
  const done = shell.inFlight ?? [];
  shell.inFlight = null;
  for (const effect of done) {
    if (effect.kind !== 'persist' && effect.kind !== 'note') shell.ports.perform(effect);
  }
  return shell;
}

function performAll(shell: Shell, effects: readonly LedgerEffect[]): void {
  for (const effect of effects) {
    if (effect.kind === 'note') shell.notes.push(effect.record);
    else if (effect.kind !== 'persist') shell.ports.perform(effect);
  }
}

/** Bounds above anything that slots allow: a runner's word always finds room. */
const MAILBOX_MAX = 200_000;

export const ledgerOptions: SpawnOptions<LedgerActorMessage, Shell> = {
  name: 'ledger',
  mailbox: {
    capacity: MAILBOX_MAX,
    slice: 1_024,
    overflow: 'reject',
    // What frees slots goes before what takes them.
    lane: (message) => (message.kind === 'down' ? 1 : 0),
  },
  supervision: {
    scope: 'one',
    // A bug in the ledger: its memory is not to be trusted, and its truth is on disk. The whole
    // executor starts anew from there.
    decide: () => 'stop',
    intensity: { restarts: 0, within: 1_000 },
    backoff: { first: 1, max: 1, jitter: 0, resetAfter: 1 },
  },
  view: ({ ports, effects, inFlight }): LedgerView => ({
    busy: busyOf(ports.state),
    outbox: ports.state.outbox,
    quiet: inFlight === null && effects.length === 0,
  }),
};
