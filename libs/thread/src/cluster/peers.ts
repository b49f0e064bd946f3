import type { Death, SchedulerBirth } from '#protocol';

/** Other threads by their presence: who has left, or whose last will was seen in its session. */
export class Peers {
  private readonly sessions = new Map<string, string>();
  private readonly over = new Set<string>();

  get dead(): ReadonlySet<string> {
    return this.over;
  }

  said(thread: string, presence: SchedulerBirth | Death): void {
    const known = this.sessions.get(thread);
    if (presence.state === 'birth') {
      this.sessions.set(thread, presence.session);
      this.over.delete(thread);
    } else if (known === undefined || known === presence.session) {
      // A late will of an older session is no news.
      this.over.add(thread);
    }
  }

  /** By its own word it stops: it takes over nothing any more. */
  left(thread: string): void {
    this.over.add(thread);
  }

  /** Who is no node any more is forgotten. */
  keep(nodes: readonly { readonly thread: string }[]): void {
    const names = new Set(nodes.map((node) => node.thread));
    for (const thread of this.sessions.keys()) if (!names.has(thread)) this.sessions.delete(thread);
    for (const thread of this.over) if (!names.has(thread)) this.over.delete(thread);
  }
}
