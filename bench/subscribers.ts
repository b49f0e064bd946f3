import { type CrowdSettings, measureCrowd } from './crowd.js';
import { RemoteReaders } from './remote-readers.js';
import { type Report, cpuSeconds, machineSeconds } from './report.js';
import { System } from './system.js';

const SLOTS = 1_000;

/** Subscriptions with filters on sockets of their own, some of which hardly read. */
export async function benchSubscribers(settings: CrowdSettings): Promise<readonly Report[]> {
  const max = String(2 * settings.subscribers);
  const system = await System.start(SLOTS, { ORRERY_SUBSCRIPTIONS_MAX: max });
  const [fast, slow] = [new RemoteReaders(), new RemoteReaders()];
  const client = system.client();
  const cpu = (): ReadonlyMap<string, number> => {
    const used = system.cpu();
    used.set('fast readers', cpuSeconds(fast.pid));
    used.set('slow readers', cpuSeconds(slow.pid));
    used.set('who submits', cpuSeconds(process.pid));
    // What else ran beside it: without that no figure here says anything.
    const ours = [...used.values()].reduce((sum, seconds) => sum + seconds, 0);
    const { busy, stolen } = machineSeconds();
    return used.set('others', busy - ours).set('stolen', stolen);
  };
  try {
    const { key, endpoint } = system;
    const url = endpoint.graphql.replace(/^http/, 'ws');
    const { figures, costs } = await measureCrowd({ client, url, key, cpu }, settings, fast, slow);
    const given = { ...settings, slots: SLOTS };
    return [
      { scenario: 'subscribers', settings: given, rows: [{ ...figures }] },
      { scenario: 'subscribers: CPU time', settings: given, rows: costs.map((c) => ({ ...c })) },
    ];
  } finally {
    await client.close();
    await Promise.all([fast.close(), slow.close()]);
    await system.stop();
  }
}
