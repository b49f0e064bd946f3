import type { ActorContext, Behavior } from './behavior.js';
import type { Machine } from './machine.js';

/** A machine's state, and the effects it has emitted since the last settle. */
export interface MachineShell<S, E> {
  state: S;
  effects: E[];
  readonly emit: (effect: E) => void;
}

/**
 * A machine as a behaviour. Effects are performed once a slice, together; those of a slice that
 * fails are dropped with its state, so nothing is performed that the next life does not know of.
 */
export function fromMachine<S, M, E>(
  name: string,
  machine: Machine<S, M, E>,
  perform: (effects: readonly E[], context: ActorContext<M>) => void,
): Behavior<M, MachineShell<S, E>> {
  return {
    name,
    start() {
      const shell: MachineShell<S, E> = {
        state: machine.initial(),
        effects: [],
        emit: (effect) => {
          shell.effects.push(effect);
        },
      };
      return shell;
    },
    receive(shell, message, context) {
      shell.state = machine.step(shell.state, message, context.clock.now(), shell.emit);
      return shell;
    },
    settle(shell, context) {
      if (shell.effects.length === 0) return shell;
      const { effects } = shell;
      shell.effects = [];
      perform(effects, context);
      return shell;
    },
  };
}
