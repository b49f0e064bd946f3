import { type Millis, hash32 } from '#core';
import { Agenda, type Lives, type Timed, isBefore } from './agenda.js';
import { Random } from './random.js';

const TURN_MS: Millis = 0.05;

/** Virtual time, one heap of what is going to happen, and all chance from one seed. */
export class World {
  now: Millis = 0;
  events = 0;
  readonly random: Random;
  /** What went wrong, as the checks say it. */
  readonly violations: string[] = [];
  private readonly agenda = new Agenda();
  /** What is done a turn from now: all wait equally long, so they stand in order as they come. */
  private turns: Timed[] = [];
  private turned = 0;
  private order = 0;
  private digestNow = 0;

  constructor(
    readonly seed: number,
    private readonly onTrace?: (line: string) => void,
  ) {
    this.random = new Random(seed);
  }

  after(delay: Millis, run: () => void, of?: Lives): () => void {
    const timed = this.timed(Math.max(0, delay), run, of);
    this.agenda.push(timed);
    return () => {
      timed.run = null;
    };
  }

  /** As a process does what it has in its mailbox: a moment later, with what came by then. */
  turn(run: () => void, of: Lives): void {
    this.turns.push(this.timed(TURN_MS, run, of));
  }

  /** What came due while its process stood still is done now. */
  again(timed: Timed): void {
    if (timed.run === null) return;
    timed.at = this.now;
    timed.order = this.order++;
    this.agenda.push(timed);
  }

  /** Due, but not yet done. */
  late(run: () => void, of: Lives): Timed {
    return this.timed(0, run, of);
  }

  private timed(delay: Millis, run: () => void, of: Lives | undefined): Timed {
    return { at: this.now + delay, order: this.order++, run, of, generation: of?.generation ?? 0 };
  }

  /** Everything up to then, and what it leads to. False: it went wrong and was ended. */
  runUntil(at: Millis): boolean {
    for (;;) {
      const next = this.next(at);
      if (next === undefined) break;
      const { run, of } = next;
      if (run === null) continue;
      this.now = next.at;
      if (of !== undefined) {
        if (of.generation !== next.generation) continue;
        if (of.stopped) {
          of.keep(next);
          continue;
        }
      }
      this.events++;
      run();
      if (this.violations.length > 0) return false;
    }
    this.now = at;
    return true;
  }

  private next(until: Millis): Timed | undefined {
    const first = this.agenda.first();
    const turn = this.turns[this.turned];
    const isTurn = turn !== undefined && (first === undefined || isBefore(turn, first));
    const next = isTurn ? turn : first;
    if (next === undefined || next.at > until) return undefined;
    if (isTurn) this.leaveTurn();
    else this.agenda.shift();
    return next;
  }

  private leaveTurn(): void {
    this.turned++;
    if (this.turned < this.turns.length) return;
    this.turns = [];
    this.turned = 0;
  }

  /** Two runs of a seed are the same when their digests are. */
  get digest(): string {
    return this.digestNow.toString(16).padStart(8, '0');
  }

  get isTraced(): boolean {
    return this.onTrace !== undefined;
  }

  trace(who: string, what: () => string): void {
    if (this.onTrace !== undefined) {
      this.onTrace(`${(this.now / 1_000).toFixed(3).padStart(10)} ${who.padEnd(8)} ${what()}`);
    }
  }

  /** Counts for the digest: what must happen alike whenever the seed is run. */
  mark(what: string): void {
    this.digestNow = hash32(`${this.now} ${what}`, this.digestNow);
  }

  violate(check: string, what: string): void {
    this.violations.push(`${check}: ${what}`);
    this.trace('CHECK', () => `${check}: ${what}`);
  }
}
