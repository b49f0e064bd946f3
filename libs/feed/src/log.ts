import type { SchedulerLike } from 'rxjs';

const SAID_EVERY_MS = 60_000;

export interface FeedLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What may happen over and over, by anybody's doing: it is counted, and said so often. */
export class Seldom {
  count = 0;
  private readonly saidAt = new Map<string, number>();

  constructor(
    private readonly log: FeedLog,
    private readonly scheduler: SchedulerLike,
  ) {}

  warn(message: string, why: string, fields: Readonly<Record<string, unknown>>): void {
    const { count } = this;
    this.count = count + 1;
    const now = this.scheduler.now();
    if (now - (this.saidAt.get(why) ?? Number.NEGATIVE_INFINITY) < SAID_EVERY_MS) return;
    this.saidAt.set(why, now);
    this.log.warn(message, { ...fields, why, count: this.count });
  }
}
