export const EMPTY: unique symbol = Symbol('empty');
export type Empty = typeof EMPTY;

/**
 * What the actor itself asked for: a timer, an outcome, an answer, a Terminated. It is outside the
 * capacity (refusing a commit's outcome would hang the actor; its number is bounded by what the
 * actor started), and it is opened only when taken, so that a cancel still counts while it queues.
 */
export class Owed<M> {
  constructor(readonly open: () => M | Empty) {}
}

export interface LanePolicy<M> {
  readonly capacity: number;
  readonly overflow: 'reject' | 'drop-oldest';
  readonly conflate?: (message: M) => string | undefined;
}

type Slot<M> = M | Owed<M> | Empty;

/** A power of two; the ring doubles as it fills and keeps its size. */
const RING_FIRST = 16;

/** A bounded queue on a ring. A slot that was dropped from the middle stays as a hole. */
export class Lane<M> {
  private slots: Slot<M>[] = new Array<Slot<M>>(RING_FIRST).fill(EMPTY);
  private mask = RING_FIRST - 1;
  private head = 0;
  private tail = 0;
  private waiting = 0;
  private owed = 0;
  /** Conflation key to the position of its waiting message. */
  private readonly places = new Map<string, number>();

  constructor(private readonly policy: LanePolicy<M>) {}

  get empty(): boolean {
    return this.head === this.tail;
  }

  get hasRoom(): boolean {
    return this.waiting < this.policy.capacity;
  }

  push(message: M): 'accepted' | 'full' {
    const key = this.policy.conflate?.(message);
    const place = key === undefined ? undefined : this.places.get(key);
    if (place !== undefined) {
      this.slots[place & this.mask] = message;
      return 'accepted';
    }
    if (this.waiting >= this.policy.capacity) {
      if (this.policy.overflow === 'reject') return 'full';
      this.dropOldest();
    }
    if (key !== undefined) this.places.set(key, this.tail);
    this.append(message);
    this.waiting += 1;
    return 'accepted';
  }

  owe(owed: Owed<M>): void {
    this.append(owed);
    this.owed += 1;
  }

  take(): M | Empty {
    while (this.head !== this.tail) {
      const position = this.head;
      const slot = this.slots[position & this.mask] as Slot<M>;
      this.slots[position & this.mask] = EMPTY;
      this.head += 1;
      if (slot === EMPTY) continue;
      if (this.owed > 0 && slot instanceof Owed) {
        this.owed -= 1;
        const message = (slot as Owed<M>).open();
        if (message !== EMPTY) return message;
        continue;
      }
      this.waiting -= 1;
      if (this.places.size > 0) this.forgetPlace(slot as M, position);
      return slot as M;
    }
    return EMPTY;
  }

  clear(): void {
    this.slots = new Array<Slot<M>>(RING_FIRST).fill(EMPTY);
    this.mask = RING_FIRST - 1;
    this.head = this.tail = this.waiting = this.owed = 0;
    this.places.clear();
  }

  private append(slot: Slot<M>): void {
    if (this.tail - this.head > this.mask) this.grow();
    this.slots[this.tail & this.mask] = slot;
    this.tail += 1;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    const grown = new Array<Slot<M>>(size).fill(EMPTY);
    for (let at = this.head; at < this.tail; at++) {
      grown[at & (size - 1)] = this.slots[at & this.mask] as Slot<M>;
    }
    this.slots = grown;
    this.mask = size - 1;
  }

  private dropOldest(): void {
    for (let at = this.head; at < this.tail; at++) {
      const slot = this.slots[at & this.mask] as Slot<M>;
      if (slot === EMPTY || slot instanceof Owed) continue;
      this.forgetPlace(slot, at);
      this.slots[at & this.mask] = EMPTY;
      this.waiting -= 1;
      if (at === this.head) this.head += 1;
      return;
    }
  }

  private forgetPlace(message: M, position: number): void {
    const key = this.policy.conflate?.(message);
    if (key !== undefined && this.places.get(key) === position) this.places.delete(key);
  }
}
