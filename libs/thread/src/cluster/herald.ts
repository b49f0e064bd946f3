import type { Post } from '../post.js';

/**
 * Says by MQTT who owns what as soon as it changes: the others would see it at their next look, up
 * to a second later, and until then speak to nobody. Lost without harm.
 */
export class Herald {
  constructor(
    private readonly thread: string,
    private readonly post: Post,
    private readonly peers: () => readonly string[],
  ) {}

  /** Whoever speaks to the owner of a partition hears of it before any word that follows. */
  owned(partition: number, epoch: number): void {
    const item = { kind: 'owned', partition, thread: this.thread, epoch } as const;
    for (const peer of this.peers()) this.post.toThread(peer, item);
    this.post.toGateways(item);
  }

  /** Something is free for them. */
  free(to: readonly string[]): void {
    for (const peer of to) this.post.toThread(peer, { kind: 'free', thread: this.thread });
  }

  /** This thread is no member any more. */
  left(): void {
    const { thread } = this;
    for (const peer of this.peers()) this.post.toThread(peer, { kind: 'left', thread });
    this.post.flush();
  }
}
