import type { Dispatcher } from '../runtime.js';

/** Turns after which `run` gives up: two actors that talk for ever would hang the test. */
const TURNS_MAX = 1_000_000;

/** Nothing runs until asked to, and then in an order that the seed picks among the ready. */
export class SeededDispatcher implements Dispatcher {
  private readonly waiting: (() => void)[] = [];
  private readonly random: () => number;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed);
  }

  ready(run: () => void): void {
    this.waiting.push(run);
  }

  /** One turn; false when nobody is ready. */
  step(): boolean {
    const at = Math.floor(this.random() * this.waiting.length);
    const [run] = this.waiting.splice(at, 1);
    if (run === undefined) return false;
    run();
    return true;
  }

  /** Until nobody is ready; the number of turns. */
  run(turnsMax = TURNS_MAX): number {
    for (let turns = 0; turns < turnsMax; turns++) if (!this.step()) return turns;
    throw new Error(`seed ${this.seed}: not idle after ${turnsMax} turns`);
  }
}

/** mulberry32: small, fast, and the same on every machine. In [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
