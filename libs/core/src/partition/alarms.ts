import type { Millis } from '../kernel/machine.js';
import { type Token, sameToken } from '../run/run.js';
import type { PartitionState } from './state.js';

export interface Alarm {
  readonly at: Millis;
  readonly run: string;
  readonly token: Token;
  readonly what: 'lost' | 'timeout' | 'deadline';
}

/** So many more alarms than open attempts are those of attempts that have ended. */
const ALARMS_SLACK = 64;

/** An alarm outlives its attempt by hours, as time-outs are long: its kind is cleared away here. */
export function addAlarm(state: PartitionState, alarm: Alarm): void {
  state.alarms.push(alarm);
  // Each attempt may have three: its time-out, its end by silence, the deadline of its run.
  if (state.alarms.size <= 4 * state.open.size + ALARMS_SLACK) return;
  state.alarms.retain(({ run, token, what, at }) => {
    const attempt = state.open.get(run);
    if (!attempt?.cell.token || !sameToken(attempt.cell.token, token)) return false;
    if (what === 'deadline') return true;
    return at === (what === 'lost' ? attempt.lostAt : attempt.timeoutAt);
  });
}
