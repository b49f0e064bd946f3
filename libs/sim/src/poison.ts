import type { Policy } from '#core';
import type { Random } from './kernel/random.js';

/** What a step throws that is made to. */
const THROWN = 'poison by seed';
/** Where the owner's machine alone looks: at an end, a silence, a failure, any deadline. */
const FIELDS = ['cacheMs', 'lostAfterMs', 'retry', 'deadlineMs'] as const;
/** How often it throws there: what passes now and then is left alone for a while, not for good. */
const CHANCES = [0.3, 1];

export const isPoisonous = (spec: string): boolean => spec.startsWith('poison');

/** Why a run is parked. */
export const isThrown = (why: string): boolean => why.includes(THROWN);

export const isByPoison = (about: unknown): boolean =>
  about instanceof Object &&
  'error' in about &&
  (about.error === THROWN || (about.error instanceof Error && about.error.message === THROWN));

/** Specifications at which the machine of whoever owns their run throws, until that is mended. */
export class Poison {
  private isMended = false;

  constructor(private readonly random: Random) {}

  /** By name, one for each place and chance. */
  specifications(sound: Policy): ReadonlyMap<string, Policy> {
    const all = FIELDS.flatMap((field) =>
      CHANCES.map((chance) => [`poison-${field}-${chance}`, { field, chance }] as const),
    );
    return new Map(
      all.map(([name, { field, chance }]) => [name, this.throwing(sound, field, chance)]),
    );
  }

  /** As by a new version: what threw works from now on. */
  mend(): void {
    this.isMended = true;
  }

  private throwing(sound: Policy, field: (typeof FIELDS)[number], chance: number): Policy {
    return Object.defineProperty({ ...sound }, field, {
      get: () => {
        if (!this.isMended && this.random.chance(chance)) throw new Error(THROWN);
        return sound[field];
      },
    });
  }
}
