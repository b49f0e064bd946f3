import { type CrowdSettings, measureCrowd } from './crowd.js';
import { RemoteReaders } from './remote-readers.js';
import { type Report, cpuSeconds } from './report.js';
import { System } from './system.js';

const SLOTS = 1_000;

/** Subscriptions with filters on sockets of their own, some of which hardly read. */
export async function benchSubscribers(settings: CrowdSettings): Promise<Report> {
  const max = String(2 * settings.subscribers);
  const system = await System.start(SLOTS, { ORRERY_SUBSCRIPTIONS_MAX: max });
  const [fast, slow] = [new RemoteReaders(), new RemoteReaders()];
  const client = system.client();
  const before = system.cpu();
  const began = performance.now();
  try {
    const { key, endpoint } = system;
    const url = endpoint.graphql.replace(/^http/, 'ws');
    const figures = await measureCrowd({ client, url, key }, settings, fast, slow);
    const seconds = (performance.now() - began) / 1_000;
    const cpu = [...system.cpu()].map(([role, used]): [string, number] => [
      `${role} cores`,
      Math.round(((used - (before.get(role) ?? 0)) / seconds) * 100) / 100,
    ]);
    const readers = Math.round((cpuSeconds(fast.pid) / seconds) * 100) / 100;
    const row = { ...figures, ...Object.fromEntries(cpu), 'fast readers cores': readers };
    return { scenario: 'subscribers', settings: { ...settings, slots: SLOTS }, rows: [row] };
  } finally {
    await client.close();
    await Promise.all([fast.close(), slow.close()]);
    await system.stop();
  }
}
