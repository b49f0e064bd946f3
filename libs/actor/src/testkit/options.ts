import type { SpawnOptions } from '../behavior.js';
import type { MailboxPolicy } from '../mailbox.js';
import type { SupervisionStrategy } from '../supervision.js';
import { createSystem } from '../system.js';
import type { ActorSystem } from '../system.js';
import { ManualClock } from './manual-clock.js';
import { SeededDispatcher, seededRandom } from './seeded-dispatcher.js';

/** A system in which nothing happens by itself. */
export interface TestWorld {
  readonly clock: ManualClock;
  readonly dispatcher: SeededDispatcher;
  readonly system: ActorSystem;
}

export function testWorld(seed = 1): TestWorld {
  const clock = new ManualClock();
  const dispatcher = new SeededDispatcher(seed);
  const system = createSystem({ clock, dispatcher, random: seededRandom(seed) });
  return { clock, dispatcher, system };
}

interface Overrides<M, S> {
  readonly mailbox?: Partial<MailboxPolicy<M>>;
  readonly supervision?: Partial<SupervisionStrategy>;
  readonly view?: (state: S) => unknown;
}

/** Restarts after 10 ms without jitter, three times a minute. */
export function testOptions<M, S>(name: string, over: Overrides<M, S> = {}): SpawnOptions<M, S> {
  return {
    name,
    mailbox: { capacity: 1_000, slice: 8, overflow: 'reject', ...over.mailbox },
    supervision: {
      scope: 'one',
      decide: () => 'restart',
      intensity: { restarts: 3, within: 60_000 },
      backoff: { first: 10, max: 1_000, jitter: 0, resetAfter: 30_000 },
      ...over.supervision,
    },
    ...(over.view === undefined ? {} : { view: over.view }),
  };
}
