import type { Millis, StoreControl } from '#core';
import type { Logger } from '#telemetry';
import { Failures } from '../partition/failures.js';

const SUBJECT = { kind: 'partition', id: '' } as const;

/** What fails in this thread's hands again and again is let go of, for another to try (§4). */
export class Surrender {
  private readonly givingUp = new Map<number, { epoch: number; reason: string }>();
  private readonly failures = new Failures();

  constructor(
    private readonly store: Pick<StoreControl, 'giveUp'>,
    private readonly mono: () => Millis,
    private readonly log: Logger,
  ) {}

  has(partition: number): boolean {
    return this.givingUp.has(partition);
  }

  add(partition: number, epoch: number, reason: string): void {
    this.givingUp.set(partition, { epoch, reason });
  }

  /** A load that fails again and again is not repeated for ever. */
  failed(partition: number, epoch: number, error: string): void {
    const { isOver, reason } = this.failures.add(partition, SUBJECT, error, this.mono());
    if (!isOver) return;
    this.failures.settle(partition, SUBJECT);
    this.add(partition, epoch, `its load: ${reason}`);
  }

  /** One after the other. What cannot be said now is said the next time. */
  letGo(done: () => void): void {
    const next = this.givingUp.entries().next();
    if (next.done === true) return done();
    const [partition, { epoch, reason }] = next.value;
    this.log.error('a partition is given up', { partition, epoch, reason });
    this.store.giveUp(partition, epoch, reason, (error) => {
      if (error instanceof Error) return done();
      this.givingUp.delete(partition);
      this.letGo(done);
    });
  }
}
