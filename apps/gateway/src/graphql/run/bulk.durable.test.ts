import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../../test/support/database.js';
import { Link } from '../../../../../test/support/link.js';
import { type TestGateway, freshName, startTestGateway } from '../../testkit/gateway.js';
import { TestOwner, type TestRun } from '../../testkit/owner.js';
import { BULKS_MAX } from './bulk.service.js';

/** The lease of one that is gone runs out within this, and the next look finds it. */
const TAKEN_OVER = { timeout: 20_000, interval: 20 };

let database: TestDatabase;
let link: Link;
let owner: TestOwner;
/** Begins; it reaches the database by a way that can be cut. */
let first: TestGateway;
let second: TestGateway;
let label: string;

beforeAll(async () => {
  database = await startTestDatabase(4);
  link = new Link(() => Number(new URL(database.url).port));
  await link.start();
  owner = new TestOwner(database.url);
  second = await startTestGateway({ url: database.url });
});
afterAll(async () => {
  await second.stop();
  await owner.stop();
  await link.stop();
  await database.stop();
});
beforeEach(async () => {
  const databaseUrl = new URL(database.url);
  databaseUrl.port = String(link.port);
  first = await startTestGateway({ url: database.url, databaseUrl: databaseUrl.href });
  label = freshName('x');
});
afterEach(async () => {
  await first.stop();
});

interface Answer {
  readonly id: string | null;
  readonly matched: number;
  readonly applied: number;
  readonly pending: boolean;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const BULK = `mutation ($input: BulkRunsInput!) { bulkRuns(input: $input) {
  id matched applied pending userErrors { code path } } }`;
const inputOf = (input: object) => ({
  input: { project: 'demo', filter: { labels: { label } }, ...input },
});
const ask = async (gateway: TestGateway, input: object): Promise<Answer> =>
  await gateway.get(BULK, inputOf(input));

async function submit(count: number): Promise<TestRun[]> {
  const item = { project: 'demo', job: 'noop', labels: { label } };
  await second.get(
    `mutation ($items: [SubmitRunInput!]!) {
      submitRuns(input: { project: "demo", items: $items }) { accepted } }`,
    { items: Array.from({ length: count }, () => item) },
  );
  const { rows } = await database.admin.query<TestRun>(
    `select id, partition, project from live
      where convert_from(labels, 'UTF8')::jsonb @> $1 order by id`,
    [JSON.stringify({ label })],
  );
  return rows;
}

/** How often each run was met, the oldest first. */
async function met(runs: readonly TestRun[]): Promise<number[]> {
  const { rows } = await database.admin.query<{ n: number }>(
    `select (select count(*)::int from inbox i where i.kind = 1 and i.ref = r.id)
        + (select count(*)::int from live l where l.retry_of = r.id) as n
      from unnest($1::uuid[]) with ordinality r(id, place) order by place`,
    [runs.map(({ id }) => id)],
  );
  return rows.map(({ n }) => n);
}
const once = (runs: readonly TestRun[]): number[] => runs.map(() => 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);

interface Told {
  readonly state: string;
  readonly matched: number;
  readonly applied: number;
  readonly refused: number;
}
async function look(gateway: TestGateway, id: string, key?: string): Promise<Told | null> {
  return await gateway.get(
    `query ($id: ID!) { bulk(id: $id) { state matched applied refused action reason by failure
      startedAt finishedAt } }`,
    { id },
    key,
  );
}
/** Of the only one that is under way. */
async function running(): Promise<string> {
  let id: string | undefined;
  await vi.waitFor(async () => {
    const { rows } = await database.admin.query<{ id: string }>(
      'select id from bulk where state = 0',
    );
    id = rows[0]?.id;
    expect(rows).toHaveLength(1);
  }, TAKEN_OVER);
  return id ?? '';
}
async function ends(id: string): Promise<Told | null> {
  const isOver = async (): Promise<void> =>
    expect(await look(second, id)).not.toMatchObject({ state: 'RUNNING' });
  await vi.waitFor(isOver, TAKEN_OVER);
  return await look(second, id);
}

describe('a gateway that goes in the middle', () => {
  it('hands over what it has not done when it is told to stop', async () => {
    const runs = await submit(60);
    const input = { action: 'REPRIORITIZE', priority: 1, perSecond: 20, reason: 'night' };
    const asked = ask(first, input).catch((error: unknown) => error);
    const id = await running();
    await vi.waitFor(async () => expect(sum(await met(runs))).toBe(20), { interval: 5 });
    const began = performance.now();
    await first.stop();
    expect(performance.now() - began).toBeLessThan(3_000);
    await asked;
    expect(sum(await met(runs))).toBeLessThan(60);
    expect(await ends(id)).toMatchObject({
      ...{ state: 'DONE', matched: 60, applied: 60, refused: 0, failure: null },
      ...{ action: 'REPRIORITIZE', reason: 'night', by: expect.stringMatching(/^key:/) },
    });
    // No lease had to run out.
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(await met(runs)).toEqual(once(runs));
  }, 30_000);

  it('is followed by another one when it dies, also in a chunk that was written', async () => {
    const runs = await submit(250);
    for (const run of runs) await owner.finish(run, 'DEAD', 'FAILED');
    const cut = link.cutNext('advance_bulk', 'in-answer');
    const input = { action: 'RETRY', perSecond: 10_000, idempotencyKey: label };
    const asked = ask(first, input).catch((error: unknown) => error);
    await cut;
    link.close();
    const written = await met(runs);
    expect(written).toEqual([...once(runs.slice(0, 100)), ...runs.slice(100).map(() => 0)]);
    const id = await running();
    // Who asks again hears how far it is; nothing is begun a second time.
    expect(await ask(second, input)).toMatchObject({ id, matched: 250, pending: true });
    expect(await ends(id)).toMatchObject({ state: 'DONE', matched: 250, applied: 250 });
    expect(await met(runs)).toEqual(once(runs));
    expect(await ask(second, input)).toEqual({
      ...{ id, matched: 250, applied: 250, pending: false, userErrors: [] },
    });
    link.open();
    await asked;
  }, 40_000);

  it('and one that was away writes nothing when it is back', async () => {
    const runs = await submit(40);
    const asked = ask(first, { action: 'PAUSE', perSecond: 10 }).catch((error: unknown) => error);
    const id = await running();
    await vi.waitFor(async () => expect(sum(await met(runs))).toBe(10), { interval: 5 });
    await trouble.lease(database.admin, id, 50_000);
    expect(await asked).toMatchObject({ pending: true });
    expect(sum(await met(runs))).toBe(10);
    await trouble.lease(database.admin, id, 0);
    expect(await ends(id)).toMatchObject({ state: 'DONE', applied: 40 });
    expect(await met(runs)).toEqual(once(runs));
  }, 30_000);
});

describe('a chunk', () => {
  it.each(['before-send', 'before-answer', 'in-answer'] as const)(
    'that was cut %s is repeated, and nothing of it is written twice',
    async (how) => {
      const runs = await submit(210);
      const cut = link.cutNext('advance_bulk', how);
      const answer = ask(first, { action: 'CANCEL', perSecond: 10_000 });
      await cut;
      expect(await answer).toMatchObject({ matched: 210, applied: 210, pending: false });
      expect(await met(runs)).toEqual(once(runs));
    },
  );

  it('without the one run that cannot be written: it is passed over and counted', async () => {
    const runs = await submit(5);
    for (const run of runs) await owner.finish(run, 'DEAD', 'FAILED');
    const [, bad] = runs as [TestRun, TestRun];
    // The copy of what an older version may have left has no place in `live`.
    await database.admin.query(
      `alter table live add constraint odd check (retry_of is distinct from '${bad.id}'::uuid)`,
    );
    try {
      const { id, ...answer } = await ask(first, { action: 'RETRY' });
      expect(answer).toEqual({ matched: 5, applied: 4, pending: false, userErrors: [] });
      expect(await look(second, id ?? '')).toMatchObject({ state: 'DONE', refused: 1 });
      expect(await met(runs)).toEqual([1, 0, 1, 1, 1]);
    } finally {
      await database.admin.query('alter table live drop constraint odd');
    }
  });

  it('meets what matched then: nothing that was submitted or ended later', async () => {
    const [dead, later] = (await submit(2)) as [TestRun, TestRun];
    await owner.finish(dead, 'DEAD', 'FAILED');
    const more = await submit(30);
    const asked = ask(first, { action: 'REPRIORITIZE', priority: 2, perSecond: 15 });
    const id = await running();
    const retried = await ask(second, { action: 'RETRY', perSecond: 1 });
    expect(retried).toMatchObject({ matched: 1, applied: 1 });
    await owner.finish(later, 'DEAD', 'FAILED', { finishedAt: Date.now() + 60_000 });
    // The one was retried, the other has ended later.
    expect(await ask(second, { action: 'RETRY', dryRun: true })).toMatchObject({ matched: 0 });
    await submit(5);
    expect(await asked).toMatchObject({ id, matched: more.length, applied: more.length });
  }, 20_000);
});

describe('a key', () => {
  it('stands for the request, also for one that matched nothing', async () => {
    const input = { action: 'PAUSE', idempotencyKey: label };
    const answer = await ask(first, input);
    expect(answer).toMatchObject({ matched: 0, applied: 0, pending: false, userErrors: [] });
    expect(answer.id).not.toBeNull();
    const runs = await submit(3);
    expect(await ask(second, input)).toEqual(answer);
    const conflict = {
      ...{ id: null, matched: 0, applied: 0 },
      userErrors: [{ code: 'IDEMPOTENCY_CONFLICT', path: ['idempotencyKey'] }],
    };
    expect(await ask(second, { ...input, action: 'CANCEL' })).toMatchObject(conflict);
    expect(await met(runs)).toEqual([0, 0, 0]);
    // After its day it stands for nothing.
    await trouble.expire(database.admin, label);
    expect(await ask(second, { ...input, action: 'CANCEL' })).toMatchObject({ applied: 3 });
  });

  it('that ten send at once begins one', async () => {
    const runs = await submit(30);
    const input = { action: 'PAUSE', idempotencyKey: label };
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => await ask(i % 2 === 0 ? first : second, input)),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    for (const answer of answers) expect(answer).toMatchObject({ matched: 30, userErrors: [] });
    expect(await met(runs)).toEqual(once(runs));
  });
});

describe('bounds', () => {
  it('so many under way in a project, and no more; others do not see them', async () => {
    await submit(100);
    const input = { action: 'PAUSE', perSecond: 1 };
    const asked = Array.from({ length: BULKS_MAX + 5 }, async (_, i) => {
      return await ask(i % 2 === 0 ? first : second, input);
    });
    const answers = await Promise.all(asked);
    const refused = answers.filter(({ id }) => id === null);
    expect(refused).toHaveLength(5);
    for (const { userErrors } of refused) {
      expect(userErrors).toEqual([{ code: 'TOO_MANY_BULKS', path: ['project'] }]);
    }
    // What has nothing to do has done it.
    const none = { ...input, filter: { labels: { label: 'none' } } };
    expect(await ask(second, none)).toMatchObject({ matched: 0, userErrors: [] });
    const [held] = answers.filter(({ id }) => id !== null);
    const name = freshName('other');
    await second.get(
      `mutation { createProject(input: { name: "${name}" }) { userErrors { code } } }`,
    );
    const { key } = await second.get<{ key: string }>(
      `mutation { createApiKey(input: { name: "x", projects: ["${name}"], role: ADMIN }) { key } }`,
    );
    expect(await look(second, held?.id ?? '')).toMatchObject({ state: 'RUNNING' });
    expect(await look(second, held?.id ?? '', key)).toBeNull();
    expect(await look(second, 'no id')).toBeNull();
    await trouble.endBulks(database.admin);
  }, 30_000);
});
