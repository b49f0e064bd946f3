import type { JournalPage, JournalPlace } from '#postgres';
import type { Journal } from './journal.js';

/** Of one partition in one page; sixteen of them are about a MiB, decoded in one turn. */
const BOUNDS = { segments: 64, bytes: 64 * 1_024 } as const;
const PARTITIONS_AT_ONCE = 16;

export interface FillerHost {
  /** One statement's answers. */
  filled(pages: readonly JournalPage[]): void;
  unfilled(partitions: readonly number[], error: unknown): void;
}

/** Gaps, one statement at a time: what is asked for while one is under way goes in the next. */
export class Filler {
  private readonly wanted = new Map<number, number>();
  private isReading = false;

  constructor(
    private readonly journal: Pick<Journal, 'fill'>,
    private readonly host: FillerHost,
  ) {}

  want({ partition, after }: JournalPlace): void {
    this.wanted.set(partition, after);
    this.readOn();
  }

  forget(partition: number): void {
    this.wanted.delete(partition);
  }

  private readOn(): void {
    if (this.isReading || this.wanted.size === 0) return;
    const places = [...this.wanted]
      .slice(0, PARTITIONS_AT_ONCE)
      .map(([partition, after]) => ({ partition, after }));
    for (const { partition } of places) this.wanted.delete(partition);
    this.isReading = true;
    this.journal.fill(places, BOUNDS).then(
      (pages) => this.answered(() => this.host.filled(pages)),
      (error: unknown) => {
        const partitions = places.map(({ partition }) => partition);
        this.answered(() => this.host.unfilled(partitions, error));
      },
    );
  }

  private answered(tell: () => void): void {
    this.isReading = false;
    tell();
    this.readOn();
  }
}
