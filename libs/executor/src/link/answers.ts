import type { Millis } from '#core';

/** Whether somebody answers this process: only that shows that it is heard. */
export class Answers {
  private at: Millis;
  private hasCome = false;

  constructor(private readonly elapsed: () => Millis) {
    this.at = elapsed();
  }

  /** There could be none before. */
  begin(): void {
    this.at = this.elapsed();
  }

  came(): void {
    this.at = this.elapsed();
    this.hasCome = true;
  }

  /** Since the last one, or since there could be one. */
  get silentMs(): Millis {
    return Math.max(0, this.elapsed() - this.at);
  }

  /** Since the last one; undefined: there was none. */
  get unansweredMs(): Millis | undefined {
    return this.hasCome ? this.silentMs : undefined;
  }
}
