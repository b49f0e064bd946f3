import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trouble } from '../support/database.js';
import { Orrery, cli } from './support/orrery.js';
import { submit, succeeded } from './support/runs.js';

const orrery = new Orrery();
let admin: pg.Client;
beforeAll(async () => {
  const { databaseUrl } = await orrery.start();
  admin = new pg.Client(databaseUrl);
  await admin.connect();
  await admin.query('set search_path = orrery');
}, 90_000);
afterAll(async () => {
  await admin.end();
  await orrery.remove();
}, 30_000);

interface Told {
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: readonly { readonly run: string; readonly wrong: string }[];
}
const audit = async (): Promise<{ readonly code: number; readonly told: Told }> => {
  const { code, out } = await cli(orrery, ['doctor', 'audit', '--output', 'json']);
  return { code, told: JSON.parse(out) as Told };
};

test('what a real cluster has done passes the audit, and what is damaged does not', async () => {
  const client = orrery.client();
  const ids: string[] = [];
  for (const job of ['noop', 'flaky', 'noop']) ids.push(await submit(client, { job }));
  const shell = { kind: 'shell', command: 'sleep 30' };
  const long = await submit(client, { spec: shell });
  const later = await submit(client, { spec: shell, after: '1h' });
  for (const id of ids) await succeeded(client, id, 30_000);
  await cli(orrery, ['runs', 'cancel', long, '--force']);
  await cli(orrery, ['runs', 'pause', later]);
  const whole = await audit();
  expect(whole.told.violations).toEqual([]);
  expect(whole.code).toBe(0);
  // Those of the demo beside ours.
  expect(whole.told.figures['runs']).toBeGreaterThanOrEqual(5);
  expect(whole.told.figures['tokens']).toBeGreaterThanOrEqual(5);
  expect(whole.told.figures['submissions']).toBe(whole.told.figures['runs']);
  const [lost = ''] = ids;
  await trouble.lose(admin, 'history', lost);
  const { code, told } = await audit();
  expect(code).toBe(1);
  expect(told.violations).toMatchObject([{ run: lost, wrong: expect.stringMatching(/nowhere/) }]);
  await client.close();
}, 90_000);
