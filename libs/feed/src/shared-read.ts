/**
 * One question at a time, for all who asked in the same turn of the loop or while the one before
 * was under way. Nobody is given an answer that is older than his question.
 */
export class SharedRead<T> {
  private readonly wanted = new Set<number>();
  private next: Promise<T> | undefined;
  /** Never rejects. */
  private underWay: Promise<unknown> = Promise.resolve();

  constructor(private readonly read: (partitions: readonly number[]) => Promise<T>) {}

  ask(partitions: readonly number[]): Promise<T> {
    for (const id of partitions) this.wanted.add(id);
    this.next ??= this.readNext();
    return this.next;
  }

  private async readNext(): Promise<T> {
    await this.underWay;
    await new Promise((resolve) => setImmediate(resolve));
    const partitions = [...this.wanted];
    this.wanted.clear();
    this.next = undefined;
    const answer = this.read(partitions);
    this.underWay = answer.catch(() => undefined);
    return await answer;
  }
}
