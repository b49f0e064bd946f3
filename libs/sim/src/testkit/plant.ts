/** As planted.test.ts sees it, where modules are replaced. */
export const CORE = '../../core/src';

export type Parts = Record<string, unknown>;
/** Puts something else in the place of what a module exports. */
export type Plant = (path: string, change: (original: Parts) => Parts) => void;

export interface Bug {
  readonly name: string;
  /** The checks that are there for it: what else goes wrong of it counts for nothing. */
  readonly foundBy: readonly string[];
  /** The search begins where it was found soon; from 1 it takes up to a minute. */
  readonly from: number;
  plant(plant: Plant): void;
}
