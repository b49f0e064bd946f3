import { passes } from '../support/passes.js';
import { eventually } from '../support/runs.js';
import { Story } from '../support/story.js';
import type { Town } from './town.js';

/** Of 64 on three schedulers. */
const SHARE = 8;
const OWN_MS = 60_000;
/** Six seconds to be sure, some looks of half a second; and a busy machine. */
const MOVE_MS = 15_000;
const MEANWHILE_MS = 2_000;

export interface Deaf {
  readonly 'moved after ms': number;
  readonly 'owns again after ms': number;
}

/** A scheduler is cut off from the broker alone: the others ask for all that it has. */
export async function deafen(town: Town, name: string): Promise<Deaf> {
  const story = new Story(town.orrery.endpoint().databaseUrl);
  const owned = async (): Promise<number> => (await story.ownedBy(name)).size;
  const link = town.link(`${name}:broker`);
  try {
    await eventually(owned, (count) => count >= SHARE, OWN_MS);
    town.note('close', `${name}:broker`);
    const closed = performance.now();
    link.close();
    await eventually(owned, (count) => count === 0, MOVE_MS);
    const moved = performance.now();
    await passes(MEANWHILE_MS);
    town.note('open', `${name}:broker`);
    const opened = performance.now();
    link.open();
    await eventually(owned, (count) => count > 0, MOVE_MS);
    return {
      'moved after ms': Math.round(moved - closed),
      'owns again after ms': Math.round(performance.now() - opened),
    };
  } finally {
    link.open();
    await story.close();
  }
}
