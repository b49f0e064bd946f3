import type { ClusterView } from '#core';
import type { Owner } from '#protocol';

interface Known {
  readonly thread: string;
  readonly epoch: number;
}

/** Who owns what, by the latest view of the tables and by what owners have said since. */
export class Owners {
  private view: ClusterView | undefined;
  /** By their own word, which may be newer than the view. */
  private readonly heard = new Map<number, Known>();

  constructor(private readonly self: string) {}

  saw(view: ClusterView): void {
    this.view = view;
  }

  /** By the word of who has claimed it and has it in memory. False: that was said before. */
  hears({ partition, thread, epoch }: Owner): boolean {
    // What the view has told already is news all the same: by now it can be spoken to.
    if (epoch < (this.view?.partitions[partition]?.epoch ?? 0)) return false;
    if (epoch <= (this.heard.get(partition)?.epoch ?? 0)) return false;
    this.heard.set(partition, { thread, epoch });
    return true;
  }

  of(partition: number): Known | undefined {
    const heard = this.heard.get(partition);
    const known = this.view?.partitions[partition];
    if (heard !== undefined && heard.epoch > (known?.epoch ?? 0)) return heard;
    if (known === undefined || known.owner === null) return undefined;
    return { thread: known.owner, epoch: known.epoch };
  }

  all(): readonly Owner[] {
    const known: Owner[] = [];
    for (const { id } of this.view?.partitions ?? []) {
      const owner = this.of(id);
      if (owner !== undefined) known.push({ partition: id, ...owner });
    }
    return known;
  }

  /** The other threads: who is there, and who has something yet and has left already. */
  peers(): readonly string[] {
    const { nodes = [], partitions = [] } = this.view ?? {};
    const threads = new Set(nodes.map(({ thread }) => thread));
    for (const { owner } of partitions) if (owner !== null) threads.add(owner);
    threads.delete(this.self);
    return [...threads];
  }
}
