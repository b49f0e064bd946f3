import { until } from '#actor';
import { eventually } from '../support/runs.js';
import { Story } from '../support/story.js';
import type { Town } from './town.js';

/** Of 64 on three schedulers. */
const SHARE = 8;
const OWN_MS = 60_000;
const MOVE_MS = 30_000;
/** So long it grants what nobody hears of. */
const GRANT_MS = 1_000;

export interface Zombie {
  /** Assignments that it had sent, and that arrived when others had its partitions. */
  readonly late: number;
  /** Commits that it was refused after it went on. */
  readonly fenced: number;
  readonly 'moved after ms': number;
  readonly 'seen again after ms': number;
}

/**
 * A scheduler whose words stay on their way is stopped until others own all that it had; then they
 * arrive, and then it goes on.
 */
export async function raise(town: Town, name: string): Promise<Zombie> {
  const story = new Story(town.orrery.endpoint().databaseUrl);
  const owned = async (): Promise<number> =>
    (await story.owners()).filter(({ owner }) => owner?.startsWith(`${name}.`) === true).length;
  const fenced = (): number => town.log(name).filter((line) => line['outcome'] === 'fenced').length;
  await eventually(owned, (count) => count >= SHARE, OWN_MS);
  const before = fenced();
  const link = town.link(`${name}:broker`);
  const pid = town.pidOf(name);
  town.note('stall (up)', `${name}:broker`);
  link.stall('up');
  const stalled = performance.now();
  await until(() => performance.now() - stalled >= GRANT_MS, GRANT_MS * 2);
  town.note('pause', name);
  process.kill(pid, 'SIGSTOP');
  const stopped = performance.now();
  let late = 0;
  let moved = 0;
  try {
    await eventually(owned, (count) => count === 0, MOVE_MS);
    moved = performance.now();
    link.hearUp((bytes) => {
      late += bytes.toString('latin1').split(/orrery\/v1\/main\/x\/[^/]+\/down/).length - 1;
    });
    town.note('the stall is over', `${name}:broker`);
    link.flow();
    await until(() => late > 0, MOVE_MS);
  } finally {
    link.flow();
    town.note('pause is over', name);
    process.kill(pid, 'SIGCONT');
  }
  const goes = performance.now();
  const since = Date.now();
  await until(() => fenced() > before, MOVE_MS);
  await eventually(
    () => story.seen(name),
    (seen) => seen > since,
    MOVE_MS,
  );
  await story.close();
  return {
    ...{ late, fenced: fenced() - before },
    'moved after ms': Math.round(moved - stopped),
    'seen again after ms': Math.round(performance.now() - goes),
  };
}
