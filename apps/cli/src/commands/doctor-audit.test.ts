import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FORMAT } from '#postgres';
import { loadSettings } from '#config';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { Recorded } from '../audit/testkit/recorded.js';
import type { OutputFormat } from '../output/render.js';
import { doctorAudit } from './doctor-audit.js';

let database: TestDatabase;
let recorded: Recorded;
beforeAll(async () => {
  database = await startTestDatabase(2);
  recorded = new Recorded(database.url, 0);
}, 60_000);
afterAll(async () => {
  await recorded.stop();
  await database.stop();
});
beforeEach(async () => {
  await trouble.empty(database.admin);
  await recorded.own();
});

async function play(
  format: OutputFormat,
  variables: object = { DATABASE_URL: database.url },
  since = '1h',
) {
  const loaded = loadSettings({ ...variables });
  if (!loaded.ok) throw new Error(loaded.problems.join());
  let out = '';
  const terminal = { out: (text: string) => (out += text), err: () => '', isTerminal: false };
  const place = { settings: () => loaded.settings, terminal, format };
  return { code: await doctorAudit.start(place, { since }, []), out };
}

test('says in figures what it has proved, and ends with 0', async () => {
  await recorded.whole();
  const { code, out } = await play('table');
  expect(code).toBe(0);
  expect(out.split('\n').slice(1)).toEqual([
    '1 run, 1 token granted, 1 started, 1 run finished',
    '1 submission and 0 idempotency keys looked for',
    'no token ran twice, and nothing that was acknowledged is missing',
    '',
  ]);
});

test('names each run that is missing and what is wrong, and ends with 1', async () => {
  const { facts } = await recorded.whole();
  await trouble.lose(database.admin, 'history', facts.id);
  const { code, out } = await play('table');
  expect(code).toBe(1);
  expect(out.split('\n').slice(3)).toEqual([
    '1 thing is wrong:',
    '',
    expect.stringMatching(/^RUN +PARTITION +WRONG$/),
    expect.stringMatching(`^${facts.id} +0 +the journal tells of it, and it is nowhere$`),
    '',
  ]);
  const violations = [
    { run: facts.id, partition: 0, wrong: 'the journal tells of it, and it is nowhere' },
  ];
  expect(JSON.parse((await play('json')).out)).toMatchObject({
    figures: { runs: 1, violations: 1 },
    violations,
  });
});

test('where nothing was written it says that it has proved nothing', async () => {
  const { code, out } = await play('table');
  expect(code).toBe(0);
  expect(out.trimEnd().split('\n').at(-1)).toBe(
    'nothing was written since then; nothing is proved',
  );
  await recorded.submit();
  expect((await play('table')).out).toContain('no token ran twice');
});

test('a time that is to come is typed wrong', async () => {
  await expect(play('table', {}, '2099-01-01T00:00:00Z')).rejects.toMatchObject({
    exitCode: 2,
    message: "--since is a time that has been, not '2099-01-01T00:00:00Z'.",
  });
});

test('a database of another cluster or format is not audited', async () => {
  const other = { DATABASE_URL: database.url, ORRERY_CLUSTER: 'other' };
  await expect(play('table', other)).rejects.toThrow(
    'Nothing is audited: the database belongs to the cluster main',
  );
  for (const format of [8, 10]) {
    await trouble.setFormat(database.admin, format);
    await expect(play('table')).rejects.toThrow(`the database holds Orrery's format ${format}`);
  }
  await trouble.setFormat(database.admin, FORMAT);
});

test('without a database it says which to name', async () => {
  await expect(play('table', { ORRERY_HOME: '/nowhere' })).rejects.toThrow('DATABASE_URL');
  const nobody = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  await expect(play('table', nobody)).rejects.toThrow('The database does not answer');
});
