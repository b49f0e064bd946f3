import type { Place, Token } from '../../run/run.js';
import { ledgerMachine } from '../ledger.machine.js';
import type {
  Ending,
  LedgerDown,
  LedgerEffect,
  LedgerMessage,
  LedgerRecord,
  Verdict,
  Work,
} from '../messages.js';
import { type LedgerState, emptyLedger } from '../state.js';

export const WORK: Work = {
  kind: 'SHELL',
  spec: '{}',
  params: null,
  project: 'p',
  job: 'j',
  timeoutMs: 1_000,
  graceMs: 100,
  heartbeatMs: null,
  stopAfterMs: 5_000,
};
export const DONE: Ending = {
  outcome: 'SUCCEEDED',
  exitCode: 0,
  signal: null,
  result: '1',
  error: null,
  cpuMs: null,
  memoryPeakBytes: null,
};
export const token = (seq: number, more: Partial<Token> = {}): Token => ({
  run: `r${seq}`,
  attempt: 1,
  executor: 'x',
  incarnation: 1,
  epoch: 5,
  seq,
  ...more,
});
export const T = token(10);
export const from = { partition: 3, epoch: 5, floor: { epoch: 5, seq: 1 } };
export const down = (item: LedgerDown, session = 's1'): LedgerMessage => ({
  kind: 'down',
  session,
  item,
});
export const assign = (t: Token = T, more: Partial<LedgerDown> = {}): LedgerMessage =>
  down({ ...from, kind: 'assign', token: t, work: WORK, ...more } as LedgerDown);
export const cancel = (t: Token = T, more: Partial<LedgerDown> = {}): LedgerMessage =>
  down({
    ...from,
    kind: 'cancel',
    token: t,
    graceMs: 100,
    why: 'asked',
    ...more,
  } as LedgerDown);
export const freeze = (on = true, seq = 20, t: Token = T): LedgerMessage =>
  down({ ...from, kind: 'freeze', token: t, on, seq });
export const ack = (of: 'result' | 'bounce', t: Token = T): LedgerMessage =>
  down({ ...from, kind: 'ack', token: t, of });
export const digested = (watermark: Place): LedgerMessage =>
  down({ ...from, kind: 'digested', watermark });
export const askDigest: LedgerMessage = down({ ...from, kind: 'askDigest' });
export const ended: LedgerMessage = { kind: 'ended', partition: 3, token: T, ending: DONE };
export const started: LedgerMessage = { kind: 'started', partition: 3, token: T };
export const welcomed = (session: string, incarnation = 1, cluster = 'c1'): LedgerMessage => ({
  kind: 'welcomed',
  session,
  cluster,
  incarnation,
});

/** A ledger with its records. */
export class Bench {
  state: LedgerState;
  now = 1_000;
  records: LedgerRecord[] = [];

  constructor(
    readonly slots: number,
    readonly judge: (work: Work) => Verdict = () => ({ kind: 'take' }),
  ) {
    this.state = emptyLedger({ executor: 'x', slots, backlog: slots === 0 ? 5 : 0, judge });
    this.tell(welcomed('s1'), { kind: 'tick', unansweredMs: 0 });
  }

  tell(...messages: readonly LedgerMessage[]): LedgerEffect[] {
    const effects: LedgerEffect[] = [];
    for (const message of messages) {
      ledgerMachine.step(this.state, message, this.now, (effect) => effects.push(effect));
    }
    for (const effect of effects) {
      if (effect.kind === 'persist' || effect.kind === 'note') this.records.push(effect.record);
    }
    return effects;
  }

  /** Effects as one line: `persist accepted, send claimed, …`. */
  say(...messages: readonly LedgerMessage[]): string {
    return this.tell(...messages)
      .map(nameOf)
      .join(', ');
  }
}

export function nameOf(effect: LedgerEffect): string {
  switch (effect.kind) {
    case 'persist':
    case 'note':
      return `${effect.kind} ${effect.record.kind}`;
    case 'send':
      return effect.item.kind === 'result'
        ? `send ${effect.item.outcome}`
        : `send ${effect.item.kind}`;
    case 'refused':
      return `refused ${effect.why}`;
    default:
      return effect.kind;
  }
}

export const PHASES = {
  none: (): Bench => new Bench(1),
  accepted: (): Bench => prepared(new Bench(0), assign()),
  started: (): Bench => prepared(new Bench(1), assign()),
  announced: (): Bench => prepared(new Bench(1), assign(), started),
  result: (): Bench => prepared(new Bench(1), assign(), started, ended),
  bounce: (): Bench => prepared(new Bench(1, () => ({ kind: 'bounce', reason: 'no' })), assign()),
  tombstone: (): Bench => prepared(new Bench(1), assign(), started, ended, ack('result')),
};
export type Phase = keyof typeof PHASES;

export function prepared(bench: Bench, ...messages: readonly LedgerMessage[]): Bench {
  bench.tell(...messages);
  return bench;
}
