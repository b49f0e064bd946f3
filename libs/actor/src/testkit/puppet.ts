import type { ActorContext, Behavior } from '../behavior.js';
import { testOptions, testWorld } from './options.js';

export type Do = (context: ActorContext<Told>, log: string[]) => void;
export type Told = string | { readonly run: Do };

/** Does what it is told, and logs what it hears. */
export function puppet(log: string[]): Behavior<Told, number> {
  let life = 0;
  return {
    name: 'puppet',
    start: () => ++life,
    receive(state, message, context) {
      if (typeof message === 'string') log.push(`${state}:${message}`);
      else message.run(context, log);
      return state;
    },
  };
}

export function stage(seed = 1) {
  const world = testWorld(seed);
  const log: string[] = [];
  const ref = world.system.spawn(puppet(log), undefined, testOptions('puppet'));
  const run = (work: Do) => {
    ref.tell({ run: work });
    world.dispatcher.run();
  };
  const advance = (ms: number) => {
    world.clock.advance(ms);
    world.dispatcher.run();
  };
  const crash = () => {
    run(() => {
      throw new Error('crash');
    });
    advance(10);
  };
  return { ...world, ref, log, run, advance, crash };
}
