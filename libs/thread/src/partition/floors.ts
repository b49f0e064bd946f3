import type { Effect, Place, Token } from '#core';

/**
 * The lowest open grant of each executor in one partition, from committed state only (§6). Grants
 * commit in the order of their places, so the first of a map is the lowest.
 */
export class Floors {
  private readonly open = new Map<string, Map<string, Place>>();

  constructor(
    private readonly epoch: number,
    /** The head of the journal as committed. */
    private head: number,
  ) {}

  committed(head: number): void {
    this.head = Math.max(this.head, head);
  }

  get committedHead(): number {
    return this.head;
  }

  apply(effect: Extract<Effect, { kind: 'opened' | 'closed' }>): void {
    const { token } = effect;
    if (effect.kind === 'opened') {
      let places = this.open.get(token.executor);
      if (places === undefined) {
        places = new Map();
        this.open.set(token.executor, places);
      }
      places.set(keyOf(token), { epoch: token.epoch, seq: token.seq });
      return;
    }
    const places = this.open.get(token.executor);
    places?.delete(keyOf(token));
    if (places?.size === 0) this.open.delete(token.executor);
  }

  floor(executor: string): Place {
    const first = this.open.get(executor)?.values().next();
    if (first !== undefined && first.done !== true) return first.value;
    return { epoch: this.epoch, seq: this.head + 1 };
  }
}

const keyOf = (token: Token): string => `${token.epoch}/${token.seq}`;
