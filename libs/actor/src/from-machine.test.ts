import { describe, expect, it } from 'vitest';
import { fromMachine } from './from-machine.js';
import type { Machine } from './machine.js';
import { testOptions, testWorld } from './testkit/options.js';

const machine: Machine<number, string, string> = {
  initial: () => 0,
  step(state, message, now, emit) {
    emit(`${state}:${message}@${now}`);
    if (message === 'bad') throw new Error('bad');
    return state + 1;
  },
};

describe('fromMachine', () => {
  it('performs the effects of a slice together', () => {
    const { clock, dispatcher, system } = testWorld();
    clock.jump(-clock.now());
    const performed: (readonly string[])[] = [];
    const behavior = fromMachine('m', machine, (effects) => performed.push(effects));
    const ref = system.spawn(behavior, undefined, testOptions('m', { mailbox: { slice: 2 } }));
    for (const m of ['a', 'b', 'c']) ref.tell(m);
    dispatcher.run();
    expect(performed).toEqual([['0:a@0', '1:b@0'], ['2:c@0']]);
  });

  it('drops the effects of a slice that fails, with its state', () => {
    const { clock, dispatcher, system } = testWorld();
    clock.jump(-clock.now());
    const performed: string[] = [];
    const behavior = fromMachine('m', machine, (effects) => performed.push(...effects));
    const ref = system.spawn(behavior, undefined, testOptions('m'));
    for (const m of ['a', 'bad', 'c']) ref.tell(m);
    dispatcher.run();
    clock.advance(10);
    dispatcher.run();
    expect(performed).toEqual(['0:c@10']);
  });
});
