import type { SchedulerLike } from 'rxjs';
import type { Feed, FeedQuery, Replay } from '#feed';
import type { BufferBounds } from './frame.js';
import type { FrameClock } from './frame-clock.js';
import type { EventsRequest, RowFilter, RunEventFilter } from './live-runs.js';
import { type Follower, LiveTail } from './live-tail.js';
import { type ReadTraits, RunTraits } from './run-traits.js';
import { Sieve } from './sieve.js';

export interface LiveTailsOptions {
  readonly feed: Feed;
  readonly clock: FrameClock;
  readonly scheduler: SchedulerLike;
  readonly buffer: BufferBounds;
  readonly readTraits: ReadTraits;
}

/** What somebody follows; `key` is equal when all of it is. */
export interface Wanted {
  readonly key: string;
  readonly query: FeedQuery;
  readonly partition: number | undefined;
  readonly row: RowFilter | undefined;
}

/** The tails that are live, one for all who ask for the same, and what they need of rows. */
export class LiveTails {
  private readonly shared = new Map<string, LiveTail>();
  private readonly traits = new Map<string, { readonly of: RunTraits; users: number }>();
  private opened = 0;

  constructor(private readonly options: LiveTailsOptions) {}

  get counts() {
    return { tails: this.opened, projectsRead: this.traits.size };
  }

  /** One for a single follower; with a replay it is held, and begins where that has come to. */
  open(wanted: Wanted, replay?: Replay): LiveTail {
    const { feed, clock, buffer } = this.options;
    const lease = feed.follow(wanted.partition);
    this.opened++;
    return new LiveTail({
      lease,
      tail: lease.tail(wanted.query, replay),
      clock,
      sieve: this.sieveOf(wanted),
      buffer,
      isHeld: replay !== undefined,
      closed: (tail) => {
        this.opened--;
        if (this.shared.get(wanted.key) === tail) this.shared.delete(wanted.key);
      },
    });
  }

  /**
   * The tail of all who ask for the same, if both stand at the same place with nothing under way:
   * then nothing is missed and nothing comes twice. Else the follower's own, for now.
   */
  join({ key }: Wanted, own: LiveTail, follower: Follower): LiveTail {
    if (own.isShared || own.isClosed) return own;
    own.flush();
    if (!own.isSettled) return own;
    const shared = this.shared.get(key);
    if (shared === undefined) {
      own.isShared = true;
      this.shared.set(key, own);
      return own;
    }
    shared.flush();
    if (!shared.isSettled) return own;
    shared.add(follower);
    own.remove(follower);
    return shared;
  }

  /** Undefined: the events say enough. */
  sieveOf({ query, row }: Wanted): Sieve | undefined {
    if (row === undefined) return undefined;
    const [project = ''] = query.projects;
    const { feed, scheduler, readTraits: read } = this.options;
    let found = this.traits.get(project);
    if (found === undefined) {
      found = { of: new RunTraits({ feed, read, scheduler, project }), users: 0 };
      this.traits.set(project, found);
    }
    const used = found;
    used.users++;
    return new Sieve(used.of, row, () => {
      used.users--;
      if (used.users > 0) return;
      this.traits.delete(project);
      used.of.stop();
    });
  }
}

export function wantedOf(request: Omit<EventsRequest, 'after'>): Wanted {
  const { projects, partition } = request;
  const filter = withoutNulls(request.filter);
  const row = request.row === undefined ? undefined : withoutNulls(request.row);
  const isAny = row !== undefined && Object.values(row).some((value) => value !== undefined);
  if (isAny && projects.length !== 1) throw new Error('rows are of one project');
  const parts = { projects: [...projects].sort(), partition, filter, row };
  return {
    key: JSON.stringify(parts, (_name, value: unknown) => sortedOf(value)),
    query: { projects: new Set(projects), filter },
    partition,
    row: isAny ? row : undefined,
  };
}

const sortedOf = (value: unknown): unknown =>
  value instanceof Set || value instanceof Map
    ? [...(value as Iterable<unknown>)].map((each) => JSON.stringify(each)).sort()
    : value;

/** GraphQL says null for what is left out; the feed, which everybody shares, must not meet it. */
function withoutNulls<T extends RunEventFilter | RowFilter>(filter: T): T {
  const given = Object.entries(filter).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as unknown as T;
}
