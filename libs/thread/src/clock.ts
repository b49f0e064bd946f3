import type { Millis } from '#core';

/** A sample older than this says nothing: nothing fires until the database is heard again (§4). */
const MAX_SAMPLE_AGE_MS = 30_000;
/** A turn comes each second at least; a gap that is a second longer is a stall. */
const STALL_MS = 2_000;

/**
 * A lower bound of the database's clock: its time in the last answer plus what has passed since it
 * was received, on a clock that cannot jump. So nothing planned fires early, on any machine.
 */
export class DatabaseClock {
  private sampleAt: Millis | undefined;
  private sampledAt = 0;
  private lastTurn: number;
  private wasUnknown = false;

  constructor(private readonly monotonic: () => number) {
    this.lastTurn = monotonic();
  }

  sample(at: Millis): void {
    this.correct(Math.max(at, this.now() ?? at));
  }

  /** The database has refused us as early: its clock was set back, and ours goes with it. */
  correct(at: Millis): void {
    // What was said to its partitions meanwhile they could not hear.
    if (this.now() === undefined && this.sampleAt !== undefined) this.wasUnknown = true;
    this.sampleAt = at;
    this.sampledAt = this.monotonic();
  }

  /** Undefined: no sample, or one that is too old. */
  now(): Millis | undefined {
    if (this.sampleAt === undefined) return undefined;
    const age = this.monotonic() - this.sampledAt;
    return age > MAX_SAMPLE_AGE_MS ? undefined : Math.floor(this.sampleAt + age);
  }

  /** In each turn: whether this thread stood still since the last one, or knew no time. */
  noticeStall(): boolean {
    const now = this.monotonic();
    const hasStalled = now - this.lastTurn > STALL_MS || this.wasUnknown;
    this.lastTurn = now;
    this.wasUnknown = false;
    return hasStalled;
  }
}
