import { type RunEvent, type RunState, isFinal, mayFollow } from '#core';

export interface Violation {
  readonly run: string | null;
  readonly partition: number;
  readonly wrong: string;
}

/** What the events of one run have told so far. */
export interface RunTrail {
  state: RunState | null;
  /** Its first event was not its submission: it was on its way before. */
  readonly joined: boolean;
  /** Of the newest token: its attempt, and whether it has started. */
  attempt: number | null;
  started: boolean;
  bounced: boolean;
  finishedAt: number | null;
}

/**
 * One more event of a run: answers what is wrong with it, or nothing. A token is its GRANTED event:
 * it is for an attempt that no other token was for, unless that one had bounced, and it starts
 * once. (Who has been silent says STARTED again from UNKNOWN.)
 */
export function follow(trail: RunTrail, event: RunEvent): string | undefined {
  const { type, from, to, seq } = event;
  if (to === null) return undefined;
  const was = trail.state;
  trail.state = to;
  if (type === 'FINISHED') trail.finishedAt = event.at;
  const moved = was === null ? undefined : wrongMove(was, event);
  if (type === 'GRANTED') {
    const again = trail.attempt !== null && event.attempt <= trail.attempt && !trail.bounced;
    trail.attempt = event.attempt;
    trail.started = false;
    trail.bounced = false;
    if (again) return `attempt ${event.attempt} was granted a second time, by event ${seq}`;
  }
  if (type === 'BOUNCED') trail.bounced = true;
  if (type === 'STARTED' && from !== 'UNKNOWN') {
    const again = trail.started;
    trail.started = true;
    if (again) return `the token of attempt ${event.attempt} started twice, by event ${seq}`;
  }
  return moved;
}

function wrongMove(was: RunState, { type, from, to, seq }: RunEvent): string | undefined {
  if (type === 'SUBMITTED') return `it was submitted a second time, by event ${seq}`;
  if (isFinal(was)) return `it was ${was}, which is final, then ${type} to ${to} by event ${seq}`;
  if (from !== was) return `it was ${was}, and event ${seq} (${type}) says from ${from} to ${to}`;
  if (from !== to && to !== null && !mayFollow(from, to)) {
    return `it went from ${from} to ${to}, which none may, by event ${seq}`;
  }
  return undefined;
}

export function begin(event: RunEvent): RunTrail {
  const joined = event.type !== 'SUBMITTED';
  return {
    state: joined ? event.from : null,
    joined,
    attempt: null,
    started: false,
    bounced: false,
    finishedAt: null,
  };
}
