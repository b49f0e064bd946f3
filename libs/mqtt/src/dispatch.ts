/** What a subscriber is called with; `retained` says that it is an old state and no news. */
export type MessageHandler = (
  topic: string,
  payload: Buffer,
  retained: boolean,
  qos: 0 | 1,
) => void;

export interface Dispatch {
  /** Whether this is the first handler of the filter: the broker must be asked for it. */
  add(filter: string, handler: MessageHandler): boolean;
  /** Whether it was the last handler of the filter: the broker may forget it. */
  remove(filter: string, handler: MessageHandler): boolean;
  handlersOf(topic: string): readonly MessageHandler[];
  readonly filters: readonly string[];
}

/** A fleet has some thousands of topics; a flood of invented ones must not fill the memory. */
const CACHED_TOPICS_MAX = 10_000;

/**
 * Which handlers a topic reaches. The answer is remembered for each topic, so that a message costs
 * one look into a Map; a change of subscriptions forgets all answers.
 */
export function createDispatch(): Dispatch {
  const table = new Map<string, Set<MessageHandler>>();
  const cache = new Map<string, readonly MessageHandler[]>();
  return {
    add(filter, handler) {
      cache.clear();
      const handlers = table.get(filter);
      if (handlers) {
        handlers.add(handler);
        return false;
      }
      table.set(filter, new Set([handler]));
      return true;
    },
    remove(filter, handler) {
      const handlers = table.get(filter);
      if (!handlers?.delete(handler)) return false;
      cache.clear();
      if (handlers.size > 0) return false;
      return table.delete(filter);
    },
    handlersOf(topic) {
      const known = cache.get(topic);
      if (known) return known;
      const found: MessageHandler[] = [];
      const segments = topic.split('/');
      for (const [filter, handlers] of table) {
        if (filter === topic || wildcards(filter.split('/'), segments)) found.push(...handlers);
      }
      if (cache.size >= CACHED_TOPICS_MAX) cache.clear();
      cache.set(topic, found);
      return found;
    },
    get filters() {
      return [...table.keys()];
    },
  };
}

/** What stands in the place of `+` and `#`, or undefined when the topic does not match. */
export function wildcards(
  filter: readonly string[],
  topic: readonly string[],
): readonly string[] | undefined {
  const wild: string[] = [];
  if (topic[0]?.startsWith('$') && filter[0] !== topic[0]) return undefined; // MQTT 4.7.2
  for (let at = 0; at < filter.length; at++) {
    const wanted = filter[at];
    if (wanted === '#') {
      wild.push(topic.slice(at).join('/'));
      return wild; // also the parent level itself
    }
    const given = topic[at];
    if (given === undefined) return undefined;
    if (wanted === '+') wild.push(given);
    else if (wanted !== given) return undefined;
  }
  return filter.length === topic.length ? wild : undefined;
}
