import type { JournalPlace, JournalSegment } from '#postgres';
import {
  type EventSegment,
  type FeedEvent,
  type FeedQuery,
  mayLeave,
  openSegment,
} from './event.js';
import type { ReplaySource } from './replay-reads.js';

/** Of one partition in one page. */
const BOUNDS = { segments: 64, bytes: 64 * 1_024 } as const;
const PARTITIONS_AT_ONCE = 16;
/** A page holds fewer than this and one segment more. */
const FRAME_EVENTS = 1_000;

export type ReplayError =
  /** The journal no longer holds what follows the place. */
  | { readonly kind: 'CURSOR_EXPIRED' }
  /** A place that the journal has not reached: nobody was given it. */
  | { readonly kind: 'BAD_CURSOR' }
  /** A segment that this program cannot read. */
  | { readonly kind: 'UNREADABLE'; readonly partition: number }
  /** The reader's lease was let go: there is nobody to read for. */
  | { readonly kind: 'LEFT' };

export type ReplayResult =
  | { readonly ok: true; readonly events: readonly FeedEvent[] }
  | { readonly ok: false; readonly error: ReplayError };

type Places = Map<number, number>;

/**
 * From a cursor towards the head, page by page at the reader's pace. Pages hold only what `query`
 * lets through.
 */
export class Replay {
  /** What is to be reached before the next look at the heads. */
  private targets: Places = new Map();
  /** Read and not yet taken: at most what one statement brings. */
  private readonly unread: { readonly partition: number; readonly sealed: JournalSegment }[] = [];

  constructor(
    private readonly source: ReplaySource,
    private readonly query: FeedQuery,
    private readonly places: Places,
  ) {}

  at(partition: number): number {
    return this.places.get(partition) ?? 0;
  }

  get heads(): ReadonlyMap<number, number> {
    return this.places;
  }

  get isAtTarget(): boolean {
    return this.targets.size === 0;
  }

  /** Sets the target to the heads of now; answers by how many events they are ahead. */
  async aim(): Promise<{ readonly behind: number } | ReplayError> {
    const read = await this.source.targets([...this.places.keys()]);
    if (read === undefined) return { kind: 'LEFT' };
    return this.aimAt(new Map(read.heads.map(({ partition, seq }) => [partition, seq])), true);
  }

  /** The last stretch: what lies before a place from which somebody else goes on. */
  aimAt(heads: ReadonlyMap<number, number>, exact = false): { behind: number } | ReplayError {
    let behind = 0;
    this.targets = new Map();
    this.unread.length = 0;
    for (const [partition, place] of this.places) {
      const head = heads.get(partition);
      if (exact && (head === undefined || head < place)) return { kind: 'BAD_CURSOR' };
      if (head === undefined || head <= place) continue;
      this.targets.set(partition, head);
      behind += head - place;
    }
    return { behind };
  }

  /** Some of what is behind, in order within each partition: about a frame of it. */
  async page(): Promise<ReplayResult> {
    if (this.unread.length === 0) {
      const error = await this.fetch();
      if (error !== undefined) return { ok: false, error };
    }
    const events: FeedEvent[] = [];
    let taken = 0;
    for (const { partition, sealed } of this.unread) {
      if (events.length >= FRAME_EVENTS) break;
      taken++;
      // Past its target: it is read again when there is a new one.
      if (!this.targets.has(partition)) continue;
      const at = this.at(partition);
      if (sealed.seq > at + 1) return { ok: false, error: { kind: 'CURSOR_EXPIRED' } };
      const opened = openSegment(partition, sealed);
      if (opened === undefined) return { ok: false, error: { kind: 'UNREADABLE', partition } };
      this.take(partition, opened, events);
    }
    this.unread.splice(0, taken);
    return { ok: true, events };
  }

  private async fetch(): Promise<ReplayError | undefined> {
    const wanted: JournalPlace[] = [];
    for (const partition of this.targets.keys()) {
      wanted.push({ partition, after: this.at(partition) });
      if (wanted.length === PARTITIONS_AT_ONCE) break;
    }
    const pages = await this.source.replay(wanted, BOUNDS);
    if (pages === undefined) return { kind: 'LEFT' };
    for (const { partition, segments } of pages) {
      // Its head was above the place, so there was something to read.
      if (segments.length === 0) return { kind: 'CURSOR_EXPIRED' };
      for (const sealed of segments) this.unread.push({ partition, sealed });
    }
    return undefined;
  }

  /** Never past the target: there somebody else goes on, or the next round does. */
  private take(partition: number, segment: EventSegment, into: FeedEvent[]): void {
    const target = this.targets.get(partition);
    const at = this.at(partition);
    const end = Math.min(segment.seq + segment.n - 1, target ?? at);
    if (end <= at) return;
    for (const event of segment.events) {
      if (event.seq > at && event.seq <= end && mayLeave(event, this.query)) into.push(event);
    }
    this.places.set(partition, end);
    if (end === target) this.targets.delete(partition);
  }
}
