import { afterAll, beforeAll, expect, test } from 'vitest';
import { Orrery, cli } from './support/orrery.js';
import { submit, succeeded } from './support/runs.js';

const MIB = 1_024 * 1_024;
const PROGRAM = `const kept = Buffer.alloc(100 * ${MIB}, 1);
  const until = process.cpuUsage().user + 5e5;
  while (process.cpuUsage().user < until) for (let i = 0; i < 1e6; i++);
  console.log(kept.length)`;

const orrery = new Orrery();
beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

interface Attempts {
  readonly run: {
    readonly attempts: readonly {
      readonly cpuTime: string | null;
      readonly memoryPeakBytes: number | null;
    }[];
  };
}
const ATTEMPTS = 'query($id: ID!) { run(id: $id) { attempts { cpuTime memoryPeakBytes } } }';

test.runIf(process.platform === 'linux')(
  'what an attempt has used is told by the API and by the command',
  async () => {
    const client = orrery.client();
    const command = `'${process.execPath}' -e '${PROGRAM}'`;
    const id = await submit(client, { spec: { kind: 'shell', command } });
    await succeeded(client, id, 30_000);
    const answer = await client.request<Attempts>(ATTEMPTS, { id });
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    const [attempt] = answer.value.run.attempts;
    expect(attempt?.cpuTime).toMatch(/^(4[5-9]|[5-9]\d)\dms$|^1s/);
    expect(attempt?.memoryPeakBytes).toBeGreaterThan(100 * MIB);
    expect(attempt?.memoryPeakBytes).toBeLessThan(300 * MIB);
    const { out } = await cli(orrery, ['runs', 'get', id, '--output', 'json']);
    const { attempts } = JSON.parse(out) as Attempts['run'];
    expect(attempts[0]).toMatchObject(attempt ?? {});
    await client.close();
  },
  60_000,
);
