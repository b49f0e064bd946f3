import { type FeedEvent, type FeedQuery, mayLeave } from './event.js';

/** Who hears what was routed: once a batch, never once an event. */
interface Listener {
  accepts(event: FeedEvent): boolean;
  /** Of the batch under way. */
  readonly pile: FeedEvent[];
  hear(events: readonly FeedEvent[]): void;
}

const KEYS = ['run', 'executor', 'job', 'project'] as const;
type Key = (typeof KEYS)[number];

/** Where a query is looked up: by the narrowest set that it names, and only there. */
function placeOf({ projects, filter }: FeedQuery): readonly [Key, ReadonlySet<string>] {
  if (filter.runs !== undefined) return ['run', filter.runs];
  if (filter.executors !== undefined) return ['executor', filter.executors];
  if (filter.jobs !== undefined) return ['job', filter.jobs];
  return ['project', projects];
}

/**
 * Events find their listeners by run, executor, job and project: four look-ups an event, however
 * many listen. A listener stands under one key only, so nobody is met twice for one event.
 */
export class Router {
  private readonly index: Readonly<Record<Key, Map<string, Set<Listener>>>> = {
    run: new Map(),
    executor: new Map(),
    job: new Map(),
    project: new Map(),
  };
  private readonly touched = new Set<Listener>();
  private listening = 0;
  /** How often a listener was looked at: routing is bounded by this, not by who listens. */
  looked = 0;

  get size(): number {
    return this.listening;
  }

  /** How many keys are held: 0 when everybody has gone. */
  get keys(): number {
    return KEYS.reduce((sum, key) => sum + this.index[key].size, 0);
  }

  /** Only what `query` lets through leaves; `after` says what this listener has already. */
  listen(
    query: FeedQuery,
    after: (event: FeedEvent) => boolean,
    hear: (events: readonly FeedEvent[]) => void,
  ): () => void {
    const [key, values] = placeOf(query);
    const accepts = (event: FeedEvent): boolean => mayLeave(event, query) && after(event);
    return this.add(key, values, { accepts, pile: [], hear });
  }

  /** That something happened to the run, and where: none of its events leave. */
  watch(run: string, hear: (seq: number) => void): () => void {
    const tell = (events: readonly FeedEvent[]): void => hear(events.at(-1)?.seq ?? 0);
    return this.add('run', new Set([run]), { accepts: () => true, pile: [], hear: tell });
  }

  route(events: readonly FeedEvent[]): void {
    const { run, executor, job, project } = this.index;
    for (const event of events) {
      this.offer(run.get(event.run), event);
      if (event.executor !== null) this.offer(executor.get(event.executor), event);
      if (event.job !== null) this.offer(job.get(event.job), event);
      this.offer(project.get(event.project), event);
    }
  }

  /** Ends the batch. A listener may leave, or others come, while it is told. */
  flush(): void {
    const told = [...this.touched];
    this.touched.clear();
    for (const listener of told) {
      const events = listener.pile.splice(0);
      if (events.length > 0) listener.hear(events);
    }
  }

  private offer(listeners: ReadonlySet<Listener> | undefined, event: FeedEvent): void {
    if (listeners === undefined) return;
    for (const listener of listeners) {
      this.looked++;
      if (!listener.accepts(event)) continue;
      listener.pile.push(event);
      this.touched.add(listener);
    }
  }

  private add(key: Key, values: ReadonlySet<string>, listener: Listener): () => void {
    const index = this.index[key];
    for (const value of values) {
      const found = index.get(value);
      if (found === undefined) index.set(value, new Set([listener]));
      else found.add(listener);
    }
    this.listening++;
    let isGone = false;
    return () => {
      if (isGone) return;
      isGone = true;
      this.listening--;
      listener.pile.length = 0;
      for (const value of values) {
        const found = index.get(value);
        found?.delete(listener);
        if (found?.size === 0) index.delete(value);
      }
    };
  }
}
