import type { CommitterHost } from './committer.js';

/** After a large commit the next start is spaced, so that it finds more to carry (measured). */
const LARGE_COMMIT_EVENTS = 16;
const SPACING_MS = 2;

export class Spacing {
  private until = 0;
  private isWaiting = false;

  constructor(private readonly host: Pick<CommitterHost, 'mono' | 'after' | 'tell'>) {}

  sent(events: number): void {
    this.until = events >= LARGE_COMMIT_EVENTS ? this.host.mono() + SPACING_MS : 0;
  }

  /** Whether a start has to wait; it is told when that is over. */
  get holds(): boolean {
    const wait = this.until - this.host.mono();
    if (wait <= 0.5) return false;
    if (!this.isWaiting) {
      this.isWaiting = true;
      this.host.after(wait, () => {
        this.isWaiting = false;
        this.host.tell({ kind: 'commit-again' });
      });
    }
    return true;
  }
}
