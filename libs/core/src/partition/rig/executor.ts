import { type Place, type Token, comparePlace } from '../../run/run.js';
import type { Effect } from '../effects.js';
import type { Digest } from '../messages.js';
import { tokenKey } from '../state.js';

/**
 * An executor as far as its owner can tell: it takes what it is sent unless it refused it before,
 * starts a token once, and says again what was not acknowledged.
 */
export class FakeExecutor {
  readonly held = new Map<string, { token: Token; phase: 'accepted' | 'started' | 'ended' }>();
  readonly refused = new Set<string>();
  readonly starts = new Map<string, number>();
  /** The newest word on whether it stands still. */
  readonly frozen = new Map<string, { readonly on: boolean; readonly seq: number }>();
  watermark: Place = { epoch: 0, seq: 0 };

  constructor(
    readonly id: string,
    readonly incarnation = 1,
  ) {}

  assign(token: Token): void {
    const key = tokenKey(token);
    if (this.refused.has(key) || this.held.has(key)) return;
    this.held.set(key, { token, phase: 'accepted' });
    if (comparePlace(token, this.watermark) > 0) {
      this.watermark = { epoch: token.epoch, seq: token.seq };
    }
  }

  start(token: Token): void {
    const entry = this.held.get(tokenKey(token));
    if (entry === undefined || entry.phase !== 'accepted') return;
    entry.phase = 'started';
    this.starts.set(tokenKey(token), (this.starts.get(tokenKey(token)) ?? 0) + 1);
  }

  /** true: it is so now. */
  freeze({ token, on, seq }: Extract<Effect, { kind: 'freeze' }>): boolean {
    const key = tokenKey(token);
    if (this.held.get(key)?.phase !== 'started') return false;
    if (seq < (this.frozen.get(key)?.seq ?? 0)) return false;
    this.frozen.set(key, { on, seq });
    return true;
  }

  isFrozen(token: Token): boolean {
    return this.frozen.get(tokenKey(token))?.on === true;
  }

  /** Told to stop: ended if it had begun, else refused from now on. */
  stop(token: Token): void {
    this.frozen.delete(tokenKey(token));
    const entry = this.held.get(tokenKey(token));
    if (entry === undefined) {
      this.refused.add(tokenKey(token));
      this.held.set(tokenKey(token), { token, phase: 'ended' });
    } else {
      entry.phase = 'ended';
    }
  }

  acked(token: Token): void {
    if (this.held.get(tokenKey(token))?.phase !== 'ended') return;
    this.held.delete(tokenKey(token));
    this.refused.add(tokenKey(token));
  }

  digest(): Digest {
    return {
      kind: 'digest',
      executor: this.id,
      incarnation: this.incarnation,
      watermark: this.watermark,
      entries: [...this.held.values()],
    };
  }
}
