import { STOP } from '../behavior.js';
import type { Behavior } from '../behavior.js';

/** Appends to a log that outlives the actor; 'bad…' fails, 'stop' ends it. */
export function recorder(log: string[]): Behavior<string, string[]> {
  return {
    name: 'recorder',
    start() {
      log.push('start');
      return [];
    },
    receive(state, message) {
      if (message.startsWith('bad')) throw new Error(message);
      if (message === 'stop') return STOP;
      log.push(message);
      return [...state, message];
    },
    stopped: (state, reason) => log.push(`stopped ${reason} [${state.join(' ')}]`),
  };
}
