import type { Fence, StoreControl } from '#core';
import type { Logger } from '#telemetry';

/** More than any thread owns: a thread that cannot tell them for long keeps the newest. */
const KEPT = 4_096;

/**
 * Commits of this thread that were refused, told to the log at once and to the cluster's events
 * until the database has them: whoever was cut off is told of it when it is back.
 */
export class Fences {
  private readonly untold: Fence[] = [];
  private isBusy = false;
  count = 0;

  constructor(
    private readonly store: Pick<StoreControl, 'fenced'>,
    private readonly thread: string,
    private readonly log: Logger,
  ) {}

  add(fence: Fence): void {
    this.log.info('a commit is fenced: somebody else owns the partition by now', {
      outcome: 'fenced',
      ...fence,
    });
    this.count++;
    this.untold.push(fence);
    if (this.untold.length > KEPT) this.untold.shift();
    this.send();
  }

  /** Again at every look that succeeds: a failure is nobody's to mend. */
  send(): void {
    if (this.isBusy || this.untold.length === 0) return;
    this.isBusy = true;
    const sent = [...this.untold];
    this.store.fenced(this.thread, sent, (error) => {
      this.isBusy = false;
      if (error instanceof Error) {
        this.log.warn('cannot put refused commits on record', { error });
        return;
      }
      const told = new Set(sent);
      this.untold.splice(0, Infinity, ...this.untold.filter((fence) => !told.has(fence)));
      this.send();
    });
  }
}
