import type { Millis } from '../kernel/machine.js';

interface Known {
  readonly thread: string;
  readonly epoch: number;
}

/** An owner that has not been heard for this long may be gone without a successor's word. */
const QUIET_MS = 3_000;
const THREADS_MAX = 1_000;

/** Which thread owns which partition, as far as messages down have said: the newest is by epoch. */
export class Owners {
  private readonly owners = new Map<number, Known>();
  /** Threads by when they were last heard, the latest last. */
  private readonly heardAt = new Map<string, Millis>();

  constructor(private readonly elapsed: () => Millis) {}

  heard(thread: string): void {
    this.heardAt.delete(thread);
    this.heardAt.set(thread, this.elapsed());
    if (this.heardAt.size <= THREADS_MAX) return;
    for (const oldest of this.heardAt.keys()) {
      this.heardAt.delete(oldest);
      return;
    }
  }

  learn(partition: number, thread: string, epoch: number): void {
    const known = this.owners.get(partition);
    if (known === undefined || epoch >= known.epoch) this.owners.set(partition, { thread, epoch });
  }

  /**
   * Where to send what is for this partition: its owner, else any thread, which answers with the
   * owner it knows. A restatement to a quiet owner goes every other time to somebody else.
   */
  route(partition: number, tries: number): string | undefined {
    const owner = this.owners.get(partition)?.thread;
    if (owner !== undefined && (tries % 2 === 0 || !this.isQuiet(owner))) return owner;
    let latest: string | undefined;
    for (const thread of this.heardAt.keys()) {
      if (thread !== owner) latest = thread;
    }
    return latest ?? owner;
  }

  /** Another life of the cluster has other threads and other epochs. */
  forget(): void {
    this.owners.clear();
  }

  private isQuiet(thread: string): boolean {
    return this.elapsed() - (this.heardAt.get(thread) ?? Number.NEGATIVE_INFINITY) > QUIET_MS;
  }
}
