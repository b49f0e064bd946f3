/** Architecture §9: topics name the owner's thread or the executor, messages the partition. */
export interface Topics {
  readonly schedulerPresence: (thread: string) => string;
  readonly executorPresence: (executor: string) => string;
  readonly beat: (executor: string) => string;
  readonly threadIn: (thread: string) => string;
  /** What a thread has come to own, for gateways. */
  readonly owned: (thread: string) => string;
  readonly up: (thread: string, executor: string) => string;
  readonly log: (thread: string, executor: string) => string;
  readonly down: (executor: string) => string;
  readonly live: (thread: string) => string;
  readonly liveWant: string;
}

export function topicsOf(cluster: string): Topics {
  const root = `orrery/v1/${cluster}`;
  return {
    schedulerPresence: (thread) => `${root}/presence/s/${thread}`,
    executorPresence: (executor) => `${root}/presence/x/${executor}`,
    beat: (executor) => `${root}/beat/${executor}`,
    threadIn: (thread) => `${root}/s/${thread}/in`,
    owned: (thread) => `${root}/owned/${thread}`,
    up: (thread, executor) => `${root}/s/${thread}/up/${executor}`,
    log: (thread, executor) => `${root}/s/${thread}/log/${executor}`,
    down: (executor) => `${root}/x/${executor}/down`,
    live: (thread) => `${root}/live/${thread}`,
    liveWant: `${root}/live/want`,
  };
}

/** Names that may stand in a topic: executors, threads, clusters. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;

export const lastLevel = (topic: string): string => topic.slice(topic.lastIndexOf('/') + 1);
