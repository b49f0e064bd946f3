import { until } from '#actor';
import { passes } from '../support/passes.js';
import { eventually } from '../support/runs.js';
import { Story } from '../support/story.js';
import type { Town } from './town.js';

/** Of 64 on three schedulers. */
const SHARE = 8;
const OWN_MS = 60_000;
const MOVE_MS = 30_000;
/** So long it grants what nobody hears of. Its broker misses it 7.5 s after its last word. */
const GRANT_MS = 500;
/** It has work: so soon it commits some. */
const COMMIT_MS = 10_000;

export interface Zombie {
  /** Assignments that it had sent, and that arrived when others had its partitions. */
  readonly late: number;
  /** Commits that it was refused after it went on. */
  readonly fenced: number;
  readonly 'moved after ms': number;
  readonly 'seen again after ms': number;
}

/**
 * A scheduler whose words to executors and whose commit stay on their way is stopped until others
 * own all that it had; then both arrive, and then it goes on.
 */
export async function raise(town: Town, name: string): Promise<Zombie> {
  const story = new Story(town.orrery.endpoint().databaseUrl);
  const owned = async (): Promise<number> => (await story.ownedBy(name)).size;
  const fenced = (): number => town.log(name).filter((line) => line['outcome'] === 'fenced').length;
  await eventually(owned, (count) => count >= SHARE, OWN_MS);
  const before = fenced();
  const [broker, database] = [town.link(`${name}:broker`), town.link(`${name}:database`)];
  const pid = town.pidOf(name);
  town.note('stall (up)', `${name}:broker`);
  broker.stall('up');
  await passes(GRANT_MS);
  let isUnderWay = false;
  database.stallUpAt('commit_batch', () => {
    isUnderWay = true;
  });
  await until(() => isUnderWay, COMMIT_MS);
  town.note('stall (up)', `${name}:database`);
  town.note('pause', name);
  process.kill(pid, 'SIGSTOP');
  const stopped = performance.now();
  let late = 0;
  let moved = 0;
  try {
    await eventually(owned, (count) => count === 0, MOVE_MS);
    moved = performance.now();
    broker.hearUp((bytes) => {
      late += bytes.toString('latin1').split(/orrery\/v1\/main\/x\/[^/]+\/down/).length - 1;
    });
    town.note('the stalls are over', name);
    broker.flow();
    // What others say of their claims is not to reach it before the answer to its commit.
    broker.stall('down');
    await until(() => late > 0, MOVE_MS);
  } catch (error) {
    broker.flow();
    throw error;
  } finally {
    database.flow();
    town.note('pause is over', name);
    process.kill(pid, 'SIGCONT');
  }
  const goes = performance.now();
  const since = Date.now();
  try {
    await until(() => fenced() > before, MOVE_MS);
  } finally {
    broker.flow();
  }
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
