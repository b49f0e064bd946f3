import type { InboxRow, Millis, PartitionMessage } from '#core';
import type { PartitionBatch } from '../batch.js';
import type { OwnedPartition } from './owned.js';

const ROWS_MAX = 256;
/** So many are in hand together while nothing speaks against any of them. */
const TOGETHER = 8;
/** In hand at so many losses it is alone in its whole thread. */
const SUSPECT_AT = 2;
/** Twice together with others, and twice quite alone. */
const TRIES_MAX = 4;
/** What is not done by then waits for something else than its step. */
const PATIENCE_MS = 5_000;

/** Of a partition whose last owner was lost: what its inbox held when it was first looked at. */
export interface CarefulStart {
  /** Undefined: it was not looked at yet. */
  rows: InboxRow[] | undefined;
  hand: Hand | undefined;
}
interface Named {
  /** The last under which this process began it with care. */
  epoch: number;
  /** With the tries they had before. */
  readonly rows: Map<string, number>;
}
interface Hand {
  rows: readonly InboxRow[];
  readonly since: Millis;
  at: 'naming' | 'named' | 'applying';
}

export interface CarefulStartHost {
  mono(): Millis;
  /** Whether the database's clock is known: nothing is stepped without it. */
  isClocked(): boolean;
  batchOf(owned: OwnedPartition): PartitionBatch;
  /** Whether what is to be committed next takes the row away. */
  isConsumed(owned: OwnedPartition, row: InboxRow): boolean;
  messageOf(owned: OwnedPartition, row: InboxRow): PartitionMessage | undefined;
  apply(owned: OwnedPartition, message: PartitionMessage): void;
  setAside(owned: OwnedPartition, message: PartitionMessage, why: string): void;
  /** The rest of the inbox may be read. */
  over(owned: OwnedPartition): void;
}

/**
 * After an unclean loss a message may have killed the owner. The first rows of the inbox are taken
 * in hand a few at a time, and named first: a commit raises their `tries`, then they are stepped.
 * What was in hand at a loss is taken singly, then alone in its whole thread: so the innocent
 * beside it are cleared, and a loss that was nobody's fault costs a few commits.
 */
export class CarefulStarts {
  /** By this process, which lives: a reload of its own is no loss. By partition. */
  private readonly named = new Map<number, Named>();

  constructor(private readonly host: CarefulStartHost) {}

  begin(owned: OwnedPartition): void {
    owned.start = { rows: undefined, hand: undefined };
    const { id, epoch } = owned;
    const known = this.named.get(id);
    // Nobody has had it between: what others had in hand since is not ours to forgive.
    if (known?.epoch === epoch - 1) known.epoch = epoch;
    else this.named.set(id, { epoch, rows: new Map() });
  }

  swept(owned: OwnedPartition, rows: readonly InboxRow[]): void {
    if (owned.start?.rows !== undefined || owned.start === undefined) return;
    owned.start.rows = rows
      .filter(({ partition }) => partition === owned.id)
      .slice(0, ROWS_MAX)
      .map((row) => this.forgiven(row));
  }

  /** The try that is ours. Any other number: ours was never committed, or others have added one. */
  private forgiven(row: InboxRow): InboxRow {
    const rows = this.named.get(row.partition)?.rows;
    const tries = rows?.get(row.id);
    if (tries === row.tries - 1) return { ...row, tries };
    rows?.delete(row.id);
    return row;
  }

  committed(owned: OwnedPartition, written: PartitionBatch): void {
    const named = this.named.get(owned.id)?.rows;
    if (named !== undefined) for (const id of written.consumed) named.delete(id);
    const hand = owned.start?.hand;
    if (owned.start === undefined || hand === undefined) return;
    const isNamed = hand.rows.some(({ id }) => written.named.includes(id));
    if (hand.at === 'naming' && isNamed) hand.at = 'named';
    if (hand.at === 'applying') putDown(owned.start, ({ id }) => written.consumed.includes(id));
  }

  /** Those whose inbox is of use now: one in a careful start has what it needs. */
  toSweep(all: Iterable<OwnedPartition>): number[] {
    const ids: number[] = [];
    for (const { id, start } of all) if (start?.rows === undefined) ids.push(id);
    return ids;
  }

  /** At the end of a slice. */
  settled(all: Iterable<OwnedPartition>): void {
    const starting: OwnedPartition[] = [];
    for (const owned of all) if (owned.start?.rows !== undefined) starting.push(owned);
    if (starting.length === 0 || !this.host.isClocked()) return;
    for (const owned of starting) this.goOn(owned);
    const ready = starting.filter((owned) => this.isReady(owned));
    const suspects = ready.filter(({ start }) => isSuspect(start?.rows?.[0]));
    const inHand = starting.flatMap(({ start }) => start?.hand?.rows ?? []);
    if (inHand.some(isSuspect)) return;
    if (suspects.length === 0) for (const owned of ready) this.take(owned);
    else if (inHand.length === 0) this.take(suspects[0] as OwnedPartition);
  }

  /** What is named is stepped; what is done, or takes too long, is put down. */
  private goOn(owned: OwnedPartition): void {
    const { start } = owned;
    const hand = start?.hand;
    if (start === undefined || hand === undefined) return;
    if (hand.at === 'named') {
      hand.at = 'applying';
      const senseless = new Set<InboxRow>();
      for (const row of hand.rows) {
        const message = this.host.messageOf(owned, row);
        if (message === undefined) senseless.add(row);
        else this.host.apply(owned, message);
      }
      // Their commit may name the next: until it is done the rows stay, with the try they have.
      putDown(start, (row) => senseless.has(row) || this.host.isConsumed(owned, row));
    } else if (this.host.mono() - hand.since > PATIENCE_MS) start.hand = undefined;
  }

  /** It has nothing in hand, and something left. */
  private isReady(owned: OwnedPartition): boolean {
    const { start } = owned;
    if (start?.rows === undefined || start.hand !== undefined || owned.isVoid) return false;
    for (let row = start.rows[0]; row !== undefined; row = start.rows[0]) {
      if (row.tries < TRIES_MAX) return true;
      start.rows.shift();
      const message = this.host.messageOf(owned, row);
      const why = `its owner was lost ${row.tries} times while this was in hand`;
      if (message !== undefined) this.host.setAside(owned, message, why);
    }
    owned.start = undefined;
    this.host.over(owned);
    return false;
  }

  private take(owned: OwnedPartition): void {
    const left = owned.start?.rows;
    const first = left?.shift();
    if (owned.start === undefined || left === undefined || first === undefined) return;
    const rows = [first];
    while (first.tries === 0 && left[0]?.tries === 0 && rows.length < TOGETHER) {
      rows.push(left.shift() as InboxRow);
    }
    const unnamed = rows.filter((row) => !this.isNamed(row));
    const at = unnamed.length === 0 ? 'named' : 'naming';
    owned.start.hand = { rows, since: this.host.mono(), at };
    for (const { id, tries } of unnamed) {
      this.named.get(owned.id)?.rows.set(id, tries);
      this.host.batchOf(owned).named.push(id);
    }
  }

  private isNamed({ partition, id }: InboxRow): boolean {
    return this.named.get(partition)?.rows.has(id) === true;
  }
}

const isSuspect = (row: InboxRow | undefined): boolean => (row?.tries ?? 0) >= SUSPECT_AT;

/** What is done with leaves the hand. */
function putDown(start: CarefulStart, isDone: (row: InboxRow) => boolean): void {
  if (start.hand === undefined) return;
  start.hand.rows = start.hand.rows.filter((row) => !isDone(row));
  if (start.hand.rows.length === 0) start.hand = undefined;
}
