import { EVENT_TYPES, RUN_STATES, type RunEvent, type RunState } from '#core';

/**
 * A journal segment: the events of one partition in one commit, encoded once for the journal and
 * for whoever follows live. Strings that repeat stand in a table:
 * `[1, at, strings, [[type, run, project, job, from, to, attempt, executor, actor, after, data]…]]`
 * where project, job, executor, actor are places in `strings` (-1: none), type and states are codes
 * and `after` is milliseconds since `at`.
 */
export const SEGMENT_VERSION = 1;

const TYPE_CODE = new Map(EVENT_TYPES.map((type, i) => [type, i]));
const STATE_CODE = new Map<RunState | null, number>(RUN_STATES.map((state, i) => [state, i]));

/** What an event may say of bodies is cut to this: they are read by id. */
const MAX_DATA_CHARS = 4_096;

type EventTuple = [
  type: number,
  run: string,
  project: number,
  job: number,
  from: number,
  to: number,
  attempt: number,
  executor: number,
  actor: number,
  after: number,
  data: Readonly<Record<string, unknown>> | null,
];

export function encodeSegment(events: readonly RunEvent[]): string {
  const at = events[0]?.at ?? 0;
  const strings: string[] = [];
  const places = new Map<string, number>();
  const place = (text: string | null): number => {
    if (text === null) return -1;
    let found = places.get(text);
    if (found === undefined) {
      found = strings.push(text) - 1;
      places.set(text, found);
    }
    return found;
  };
  const tuples: EventTuple[] = events.map((event) => [
    TYPE_CODE.get(event.type) ?? -1,
    event.run,
    place(event.project),
    place(event.job),
    STATE_CODE.get(event.from) ?? -1,
    STATE_CODE.get(event.to) ?? -1,
    event.attempt,
    place(event.executor),
    place(event.actor),
    Math.round(event.at - at),
    bounded(event.data),
  ]);
  return JSON.stringify([SEGMENT_VERSION, Math.round(at), strings, tuples]);
}

function bounded(data: RunEvent['data']): RunEvent['data'] {
  if (data === null) return null;
  return JSON.stringify(data).length > MAX_DATA_CHARS ? { truncated: true } : data;
}

/** `first` is the seq of the first event. */
export function decodeSegment(text: string, first: number): RunEvent[] {
  const [version, at, strings, tuples] = JSON.parse(text) as [
    number,
    number,
    string[],
    EventTuple[],
  ];
  if (version !== SEGMENT_VERSION) throw new Error(`a segment of version ${version}`);
  const word = (index: number): string | null => strings[index] ?? null;
  return tuples.map(
    ([type, run, project, job, from, to, attempt, executor, actor, after, data], i) => ({
      seq: first + i,
      at: at + after,
      type: EVENT_TYPES[type] ?? 'CHANGED',
      run,
      project: word(project) ?? '',
      job: word(job),
      from: RUN_STATES[from] ?? null,
      to: RUN_STATES[to] ?? null,
      attempt,
      executor: word(executor),
      actor: word(actor),
      data,
    }),
  );
}
