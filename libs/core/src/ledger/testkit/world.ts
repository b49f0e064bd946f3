import { type Outcome, type Place, type Token, comparePlace } from '../../run/run.js';
import { ledgerMachine } from '../ledger.machine.js';
import type { LedgerDown, LedgerEffect, LedgerMessage, LedgerRecord, Work } from '../messages.js';
import { restoreLedger } from '../restore.js';
import { type LedgerOptions, type LedgerState, higher, ledgerKey } from '../state.js';

const STOP_AFTER_MS = 5_000;
const WORK: Work = {
  kind: 'SHELL',
  spec: '{}',
  params: null,
  project: 'p',
  job: 'j',
  timeoutMs: 0,
  graceMs: 0,
  heartbeatMs: null,
  stopAfterMs: STOP_AFTER_MS,
};
const ENDING = {
  outcome: 'SUCCEEDED',
  exitCode: 0,
  signal: null,
  result: null,
  error: null,
  cpuMs: null,
  memoryPeakBytes: null,
} as const;
export const OPTIONS: LedgerOptions = {
  executor: 'x',
  slots: 2,
  backlog: 2,
  judge: () => ({ kind: 'take' }),
};

/** One random step: `op` says what, the others with what. */
export interface Draw {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

/**
 * A ledger whose disk, runners and network a test plays: messages come late, twice, out of order or
 * never; records reach the disk one by one; a crash drops what has not reached it.
 */
export class World {
  state: LedgerState = restoreLedger(OPTIONS, []);
  readonly disk: LedgerRecord[] = [];
  /** Effects in order; the first record in it is not on disk yet. */
  queue: LedgerEffect[] = [];
  readonly network: LedgerMessage[] = [];
  running = new Map<string, Token>();
  now = 0;
  answeredAt = Number.NEGATIVE_INFINITY;
  /** Who was told to stop, and as what it then counts. */
  readonly stopped = new Map<string, Outcome>();
  sessions = 0;
  epoch = 1;
  seq = 0;

  readonly started = new Set<string>();
  readonly ended = new Set<string>();
  readonly acked = new Set<string>();
  readonly promises: { readonly to: Place; readonly listed: ReadonlySet<string> }[] = [];
  heardFloor: Place = { epoch: 0, seq: 0 };
  diskFloor: Place = { epoch: 0, seq: 0 };

  constructor() {
    this.connect();
    this.drain();
  }

  step(message: LedgerMessage): void {
    if (message.kind === 'down' && this.isTaken(message)) {
      this.heardFloor = higher(this.heardFloor, message.item.floor);
      if (message.item.kind === 'ack') this.acked.add(ledgerKey(message.item.token));
    }
    ledgerMachine.step(this.state, message, this.now, (effect) => {
      if (effect.kind === 'start' && comparePlace(effect.token, this.heardFloor) < 0) {
        throw new Error(`L3 ${ledgerKey(effect.token)} is below the floor that was heard`);
      }
      if (effect.kind === 'start') this.checkAnswers(effect);
      if (effect.kind === 'stop') this.stopped.set(ledgerKey(effect.token), effect.outcome);
      this.queue.push(effect);
    });
    this.settle();
    if (message.kind === 'tick') this.checkCutOff();
  }

  private checkAnswers({ token }: Extract<LedgerEffect, { kind: 'start' }>): void {
    if (this.now - this.answeredAt < 2_000) return;
    throw new Error(`L9 ${ledgerKey(token)} starts though nobody has answered lately`);
  }

  private checkCutOff(): void {
    for (const [key, { phase, acceptedAt }] of this.state.partitions.get(0)?.entries ?? []) {
      if (this.now - this.answeredAt < STOP_AFTER_MS) continue;
      const isWaiting = phase === 'accepted' && this.now - acceptedAt >= STOP_AFTER_MS;
      if (isWaiting) throw new Error(`L9 ${key} waits though it is cut off`);
      if (phase === 'started' && !this.stopped.has(key)) throw new Error(`L9 ${key} runs on`);
    }
  }

  private isTaken({ session, item }: Extract<LedgerMessage, { kind: 'down' }>): boolean {
    return (
      session === this.state.session &&
      item.floor.epoch <= item.epoch &&
      (!('token' in item) || item.epoch >= item.token.epoch)
    );
  }

  /** Performs what waits for nothing. */
  private settle(): void {
    while (this.queue.length > 0 && this.queue[0]?.kind !== 'persist') {
      this.perform(this.queue.shift() as LedgerEffect);
    }
  }

  /** One record reaches the disk. */
  sync(): void {
    const first = this.queue.shift();
    if (first?.kind !== 'persist') return;
    this.write(first.record);
    this.settle();
  }

  drain(): void {
    while (this.queue.length > 0) this.sync();
  }

  private write(record: LedgerRecord): void {
    this.disk.push(record);
    if (record.kind === 'ended') this.ended.add(ledgerKey(record.token));
    if (record.kind === 'floor') this.diskFloor = higher(this.diskFloor, record.floor);
  }

  private perform(effect: LedgerEffect): void {
    switch (effect.kind) {
      case 'note':
        return this.write(effect.record);
      case 'start':
        return this.start(effect.token);
      case 'send':
        return this.sent(effect.item);
      default:
        return;
    }
  }

  private start(token: Token): void {
    const key = ledgerKey(token);
    if (this.started.has(key)) throw new Error(`L1 ${key} starts twice`);
    if (this.ended.has(key)) throw new Error(`L2 ${key} starts after its tombstone`);
    if (comparePlace(token, this.diskFloor) < 0) throw new Error(`L3 ${key} is below the floor`);
    for (const { to, listed } of this.promises) {
      if (comparePlace(token, to) <= 0 && !listed.has(key)) {
        throw new Error(`L3 ${key} starts though a digest promised to refuse it`);
      }
    }
    this.started.add(key);
    this.running.set(key, token);
  }

  private sent(item: Extract<LedgerEffect, { kind: 'send' }>['item']): void {
    const onDisk = (kind: string, token: Token): boolean =>
      this.disk.some((r) => r.kind === kind && 'token' in r && r.token.seq === token.seq);
    if (item.kind === 'claimed' && !onDisk('accepted', item.token)) throw new Error('L5 claimed');
    if (item.kind === 'started' && !onDisk('started', item.token)) throw new Error('L5 started');
    if (item.kind === 'result' || item.kind === 'bounce') {
      if (!onDisk('ended', item.token)) throw new Error('L5 a report that is not on disk');
    }
    if (item.kind !== 'digest') return;
    const restored = restoreLedger(OPTIONS, this.disk).partitions.get(0);
    if (comparePlace(restored?.promise ?? { epoch: 0, seq: 0 }, item.watermark) < 0) {
      throw new Error('L5 a digest whose promise is not on disk');
    }
    const listed = new Set(item.entries.map((entry) => ledgerKey(entry.token)));
    this.promises.push({ to: item.watermark, listed });
  }

  connect(): void {
    this.sessions += 1;
    const session = `s${this.sessions}`;
    this.step({ kind: 'welcomed', session, cluster: 'c', incarnation: 1 });
    this.tick(0);
  }

  crash(): void {
    this.queue = [];
    this.running = new Map();
    this.heardFloor = this.diskFloor;
    this.answeredAt = Number.NEGATIVE_INFINITY;
    this.state = restoreLedger(OPTIONS, this.disk);
    this.step({ kind: 'restored' });
  }

  /** L4, and that memory and disk say the same of what has ended. */
  check(): void {
    const entries = this.state.partitions.get(0)?.entries;
    for (const key of this.ended) {
      if (this.acked.has(key)) continue;
      if (entries?.get(key)?.phase !== 'ended') throw new Error(`L4 the report of ${key} is lost`);
    }
    if (this.state.running > OPTIONS.slots) throw new Error('L7 more run than there are slots');
  }

  apply({ op, a, b }: Draw): void {
    this.now += 300;
    const known = this.network.length === 0 ? undefined : this.network[a % this.network.length];
    switch (op) {
      case 0:
        return this.say(this.newItem('assign', this.newToken()), b);
      case 1:
        return this.say(this.newItem('cancel', this.pickToken(a)), b);
      case 2:
        return this.say(this.newItem('ack', this.pickEnded(a), b), 0);
      case 3:
        // A late copy, or said anew by an owner that has learnt our session.
        if (known?.kind !== 'down') return;
        return this.step(b % 2 === 0 ? known : { ...known, session: this.state.session ?? '' });
      case 4: {
        const running = [...this.running.values()];
        const token = running[a % Math.max(1, running.length)];
        if (token === undefined) return;
        this.running.delete(ledgerKey(token));
        if (b % 2 === 0) this.step({ kind: 'started', partition: 0, token });
        return this.step({ kind: 'ended', partition: 0, token, ending: ENDING });
      }
      case 5:
        return this.tick((b % 4) * 2_000);
      case 6:
        return a % 2 === 0 ? this.sync() : this.drain();
      case 7:
        if (a % 3 === 0) this.crash();
        return this.connect();
      case 8:
        this.epoch += 1;
        return;
      case 9:
        return this.say(this.newItem('askDigest', this.newToken()), b);
      default:
        return this.step({ kind: 'draining', on: a % 4 === 1 });
    }
  }

  private tick(unansweredMs: number): void {
    this.answeredAt = this.now - unansweredMs;
    this.step({ kind: 'tick', unansweredMs });
  }

  private newToken(): Token {
    this.seq += 1;
    const { epoch, seq } = this;
    return { run: `r${seq}`, attempt: 1, executor: 'x', incarnation: 1, epoch, seq };
  }

  private pickToken(at: number): Token {
    const tokens = this.network.flatMap((message) =>
      message.kind === 'down' && 'token' in message.item ? [message.item.token] : [],
    );
    return tokens[at % Math.max(1, tokens.length)] ?? this.newToken();
  }

  private pickEnded(at: number): Token {
    const entries = [...(this.state.partitions.get(0)?.entries.values() ?? [])];
    const ended = entries.filter(({ phase }) => phase === 'ended');
    return ended[at % Math.max(1, ended.length)]?.token ?? this.pickToken(at);
  }

  private newItem(kind: LedgerDown['kind'], token: Token, pick = 0): LedgerDown {
    const low = Math.max(0, this.seq - 6);
    const from = { partition: 0, epoch: this.epoch, floor: { epoch: this.epoch, seq: low } };
    if (pick % 3 === 1) Object.assign(from, { floor: { epoch: 1, seq: 0 } });
    switch (kind) {
      case 'assign':
        return { ...from, kind, token, work: WORK };
      case 'cancel':
        return { ...from, kind, token, graceMs: 0, why: 'asked' };
      case 'ack': {
        // An owner acknowledges only what it was told.
        const of = this.state.partitions.get(0)?.entries.get(ledgerKey(token))?.report?.of;
        return this.ended.has(ledgerKey(token)) && of !== undefined
          ? { ...from, kind, token, of }
          : { ...from, kind: 'askDigest' };
      }
      default:
        return { ...from, kind: 'askDigest' };
    }
  }

  /** Said now, later, or both. */
  private say(item: LedgerDown, when: number): void {
    const session = this.state.session ?? '';
    const message: LedgerMessage = { kind: 'down', session, item };
    if (item.kind !== 'ack') this.network.push(message);
    if (when % 4 !== 3) this.step(message);
  }
}
