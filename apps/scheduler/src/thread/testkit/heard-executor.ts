import { type Token, comparePlace, partitionOf } from '#core';
import type { Up } from '#protocol';
import type { ThreadRig } from './thread-rig.js';

const SLOTS = 10_000;
const AGAIN_MS = 100;

interface Attempt {
  readonly token: Token;
  /** What it ended with; undefined while it runs. */
  result: Up | undefined;
}

/**
 * An executor as owners meet it, one after the other: it keeps its attempts, does as it is told,
 * and says each result until that is acknowledged.
 */
export class HeardExecutor {
  readonly attempts = new Map<string, Attempt>();
  readonly acked = new Set<string>();
  private saidAt = 0;

  constructor(
    private readonly name: string,
    private readonly incarnation: number,
    private readonly life: string,
    private rig: ThreadRig,
  ) {}

  /** There is another owner from now on. */
  meet(rig: ThreadRig): void {
    this.rig = rig;
    this.rig.born(this.name, SLOTS, this.incarnation, this.life);
  }

  /** Takes in what it was told, and repeats what nobody has acknowledged. */
  turn(): void {
    for (const item of this.rig.down.splice(0)) {
      switch (item.kind) {
        case 'assign':
          this.begin(item.token);
          break;
        case 'cancel':
          this.end(item.token.run, 'CANCELLED');
          break;
        case 'ack':
          this.acked.add(item.token.run);
          break;
        case 'askDigest':
          this.tellAll(item.partition);
          break;
        case 'rebirth':
          this.rig.born(this.name, SLOTS, this.incarnation, this.life);
          break;
        default:
          break;
      }
    }
    if (performance.now() - this.saidAt < AGAIN_MS) return;
    this.saidAt = performance.now();
    const open = [...this.attempts].filter(([run]) => !this.acked.has(run));
    this.say(...open.flatMap(([, { result }]) => result ?? []));
  }

  /** The first end is the one: what has ended is not cancelled, and the other way round. */
  end(run: string, outcome: 'SUCCEEDED' | 'CANCELLED'): void {
    const attempt = this.attempts.get(run);
    if (attempt === undefined) return;
    const body = outcome === 'SUCCEEDED' ? '"ok"' : null;
    attempt.result ??= this.rig.resultOf(attempt.token, body, outcome);
    if (!this.acked.has(run)) this.say(attempt.result);
  }

  private begin(token: Token): void {
    if (!this.attempts.has(token.run)) this.attempts.set(token.run, { token, result: undefined });
    this.say(this.rig.startedOf(token));
  }

  private tellAll(partition: number): void {
    const mine = [...this.attempts.values()].filter(
      ({ token }) => partitionOf(token.run, this.rig.partitions) === partition,
    );
    const [last] = mine.map(({ token }) => token).toSorted((a, b) => comparePlace(b, a));
    if (last === undefined) return;
    const entries = mine
      .filter(({ token }) => !this.acked.has(token.run))
      .map(({ token, result }) => {
        return { token, phase: result === undefined ? 'started' : 'ended' } as const;
      });
    const watermark = { epoch: last.epoch, seq: last.seq };
    const { incarnation } = this;
    this.say({ kind: 'digest', partition, incarnation, watermark, entries });
  }

  private say(...items: readonly Up[]): void {
    if (items.length > 0) this.rig.up(this.name, ...items);
  }
}
