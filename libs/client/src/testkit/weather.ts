import type { Weather } from '../patience.js';

export interface TestWeather extends Weather {
  /** Every wait that was asked for; none takes time, and the clock moves by each. */
  readonly waited: number[];
  chance: number;
}

export function testWeather(): TestWeather {
  const waited: number[] = [];
  let now = 0;
  const own: TestWeather = {
    waited,
    chance: 1,
    now: () => now,
    random: () => own.chance,
    wait: async (ms) => {
      waited.push(ms);
      now += ms;
      await Promise.resolve();
    },
  };
  return own;
}
