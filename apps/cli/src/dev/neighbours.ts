import { setTimeout as passed } from 'node:timers/promises';
import { Reader, readNodes } from '#postgres';
import { DevProblem } from './problem.js';

/** Who works says so twice a second; who was killed has said so last. */
const FRESH_MS = 3_000;
const LOOK_MS = 1_500;

/**
 * A database whose schedulers have another broker is not to be joined: what ours own would be cut
 * off from their executors, and theirs from ours.
 */
export async function refuseNeighbours(databaseUrl: string): Promise<void> {
  const role = 'orrery_gateway_read';
  const reader = new Reader({ url: databaseUrl, name: 'orrery/dev', role, connections: 1 });
  try {
    const before = await readNodes(reader);
    if (!before.some(({ ageMs }) => ageMs < FRESH_MS)) return;
    await passed(LOOK_MS);
    const seen = new Map(before.map((node) => [node.thread, node.seen]));
    const works = (await readNodes(reader)).filter(
      ({ thread, seen: at }) => at > (seen.get(thread) ?? 0),
    );
    if (works.length === 0) return;
    const names = [...new Set(works.map(({ scheduler }) => scheduler))].join(', ');
    const { host, pathname } = new URL(databaseUrl);
    throw new DevProblem(
      `${names} of another Orrery work with the database at ${host}${pathname}, and this one ` +
        'would have a broker of its own: set MQTT_URL to theirs, or stop them first.',
    );
  } finally {
    await reader.stop();
  }
}
