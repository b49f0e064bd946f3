import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { Orrery, cli, kill } from '../support/orrery.js';
import { allEnded, submit } from '../support/runs.js';

const SOON_MS = 1_000;
const RETURN_MS = 20_000;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

interface Told {
  readonly fleetChanged: { readonly id: string; readonly state: string; readonly busy: number };
}
const FLEET = 'subscription { fleetChanged { id state busy } }';

test('who follows the fleet sees a killed executor OFFLINE in 1 s, and its return', async () => {
  const client = orrery.client();
  const seen: (Told['fleetChanged'] & { readonly at: number })[] = [];
  const following = (async () => {
    for await (const { fleetChanged } of client.subscribe<Told>(FLEET)) {
      seen.push({ ...fleetChanged, at: performance.now() });
    }
  })();
  const newest = () => seen.at(-1);
  try {
    // The runs of the first start come and go: what is busy below is ours.
    await allEnded(client, RETURN_MS);
    await until(() => newest()?.state === 'ACTIVE' && newest()?.busy === 0, RETURN_MS);
    const spec = { kind: 'shell', command: 'sleep 60' };
    await submit(client, { spec });
    await until(() => newest()?.busy === 1, RETURN_MS);
    const { out } = await cli(orrery, ['pools', 'ls', '--output', 'json']);
    expect(JSON.parse(out)).toMatchObject([{ name: 'default', busy: 1, waiting: 0 }]);
    const [pid = 0] = orrery.pidsOf('executor');
    const killedAt = performance.now();
    kill(pid);
    await until(() => newest()?.state === 'OFFLINE', RETURN_MS);
    expect((newest()?.at ?? 0) - killedAt).toBeLessThan(SOON_MS);
    await until(() => newest()?.state === 'ACTIVE', RETURN_MS);
  } finally {
    await client.close();
    await following;
  }
}, 60_000);
