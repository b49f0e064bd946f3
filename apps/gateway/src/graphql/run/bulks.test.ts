import { describe, expect, it, vi } from 'vitest';
import { trouble } from '../../../../../test/support/database.js';
import { freshName } from '../../testkit/gateway.js';
import { GatewaySuite } from '../../testkit/suite.js';
import { SLOW_MAX } from './bulk.worker.js';
import { LabelledRuns, codesOf } from './testkit/labelled-runs.js';

const suite = new GatewaySuite();
const FIELDS = `id action state filter matched applied refused reason by priority perSecond
  startedAt finishedAt failure trouble stoppedBy stopReason`;

interface Told {
  readonly id: string;
  readonly state: string;
  readonly applied: number;
  readonly failure: string | null;
  readonly trouble: string | null;
  readonly finishedAt: string | null;
}
interface Page {
  readonly nodes: readonly Told[];
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
}
const list = async (project: string, more = ''): Promise<Page> =>
  await suite.gateway.get(
    `{ bulks(project: "${project}" ${more}) {
      nodes { ${FIELDS} } pageInfo { endCursor hasNextPage } } }`,
  );
const look = async (id: string): Promise<Told | null> =>
  await suite.gateway.get(`query ($id: ID!) { bulk(id: $id) { ${FIELDS} } }`, { id });
const cancel = async (id: string, reason?: string) =>
  await suite.gateway.get<{
    bulk: Told | null;
    changed: boolean;
    userErrors: Parameters<typeof codesOf>[0];
  }>(
    `mutation ($input: CancelBulkInput!) { cancelBulk(input: $input) {
      bulk { ${FIELDS} } changed userErrors { code path message hint } } }`,
    { input: { id, reason } },
  );
/** Of those under way in the demo project. */
async function newest(): Promise<Told> {
  let found: Told | undefined;
  await vi.waitFor(async () => {
    found = (await list('demo')).nodes.find(({ state }) => state === 'RUNNING');
    expect(found).toBeDefined();
  });
  if (found === undefined) throw new Error('none is under way');
  return found;
}
async function until(id: string, fits: (told: Told | null) => boolean): Promise<Told | null> {
  await vi.waitFor(async () => expect(fits(await look(id))).toBe(true), { timeout: 25_000 });
  return await look(id);
}

describe('bulks', () => {
  it('lists them, the newest first, with what was asked and what became of it', async () => {
    const world = new LabelledRuns(suite);
    const dead = await world.dead();
    await world.submit();
    const filter = { finishedAfter: '2026-01-02T03:04:05.000Z', ids: [dead.id] };
    await world.bulk('RETRY', { reason: 'once more' }, filter);
    await world.bulk('REPRIORITIZE', { priority: 2, perSecond: null });
    const { nodes } = await list('demo', ', first: 2');
    const by = expect.stringMatching(/^key:/) as unknown;
    const over = { state: 'DONE', failure: null, trouble: null, stoppedBy: null, refused: 0, by };
    const made = { ...over, stopReason: null, matched: 1, applied: 1 };
    expect(nodes).toEqual([
      {
        ...{ ...made, matched: 2, applied: 2 },
        ...{ id: nodes[0]?.id, action: 'REPRIORITIZE', filter: { labels: world.labels } },
        ...{ priority: 2, perSecond: null, reason: expect.stringContaining('reprioritize') },
        ...{ startedAt: expect.any(String), finishedAt: expect.any(String) },
      },
      {
        ...{ ...made, id: nodes[1]?.id, action: 'RETRY', reason: 'once more' },
        ...{ filter: { labels: world.labels, ...filter }, priority: null, perSecond: 10_000 },
        ...{ startedAt: expect.any(String), finishedAt: expect.any(String) },
      },
    ]);
  });

  it('pages through those of one project, and of no other', async () => {
    const world = new LabelledRuns(suite);
    const project = freshName('other');
    await suite.gateway.get(
      `mutation { createProject(input: { name: "${project}" }) { userErrors { code } } }`,
    );
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { id } = await world.bulk('CANCEL', { project }, { labels: { none: String(i) } });
      made.unshift(id ?? '');
    }
    const seen: string[] = [];
    for (let more = ', first: 2'; ; ) {
      const { nodes, pageInfo } = await list(project, more);
      seen.push(...nodes.map(({ id }) => id));
      if (!pageInfo.hasNextPage) break;
      more = `, first: 2, after: "${pageInfo.endCursor}"`;
    }
    expect(seen).toEqual(made);
    const { errors } = await suite.gateway.ask('{ bulks(project: "nobody") { nodes { id } } }');
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });
});

describe('cancelBulk', () => {
  it('stops it where it is: what was applied stays, and no more is; a second says so', async () => {
    const world = new LabelledRuns(suite);
    for (let i = 0; i < 30; i++) await world.submit();
    const asked = world.bulk('PAUSE', { perSecond: 5 });
    const { id } = await newest();
    await until(id, (told) => told?.applied === 5);
    const done = await cancel(id, 'a slip');
    expect(done).toMatchObject({ changed: true, userErrors: [] });
    const { applied } = done.bulk ?? { applied: -1 };
    expect(done.bulk).toMatchObject({ state: 'CANCELLED', stopReason: 'a slip', failure: null });
    expect(done.bulk).toMatchObject({ stoppedBy: expect.stringMatching(/^key:/) as unknown });
    expect(done.bulk?.finishedAt).not.toBeNull();
    // Who has waited for it hears that as well.
    const answer = await asked;
    expect(answer).toMatchObject({ id, matched: 30, applied });
    expect(codesOf(answer.userErrors)).toEqual(['BULK_CANCELLED ']);
    expect(await cancel(id, 'again')).toEqual({ bulk: done.bulk, changed: false, userErrors: [] });
    const { rows } = await suite.database.admin.query(
      `select count(*)::int as n from inbox i join live l on l.id = i.ref
        where i.kind = 1 and convert_from(l.labels, 'UTF8')::jsonb @> $1`,
      [JSON.stringify(world.labels)],
    );
    expect(rows).toEqual([{ n: applied }]);
    expect(applied).toBeLessThan(30);
  });

  it('is refused of what is over, and of what is nowhere', async () => {
    const world = new LabelledRuns(suite);
    await world.submit();
    const { id } = await world.bulk('PAUSE');
    const refused = await cancel(id ?? '');
    expect(refused).toMatchObject({ bulk: { id, state: 'DONE' }, changed: false });
    expect(codesOf(refused.userErrors)).toEqual(['BULK_OVER id']);
    for (const none of ['nonsense', '019aa000-0000-7000-8000-000000000000']) {
      expect(codesOf((await cancel(none)).userErrors)).toEqual(['NOT_FOUND id']);
    }
  });
});

describe('a database that is too slow for the next runs', () => {
  it('is said, and goes by; after so many times in a row the bulk has failed', async () => {
    const world = new LabelledRuns(suite);
    for (let i = 0; i < 40; i++) await world.dead();
    const { admin } = suite.database;
    const asked = world.bulk('RETRY', { perSecond: 4 });
    const { id } = await newest();
    await until(id, (told) => (told?.applied ?? 0) >= 4);
    await trouble.withoutHistory(admin, async () => {
      const slow = await until(id, (told) => told?.trouble !== null);
      expect(slow).toMatchObject({ state: 'RUNNING', failure: null });
      expect(slow?.trouble).toContain('too long for its next runs, once');
    });
    const next = await until(id, (told) => told?.trouble === null);
    expect(next).toMatchObject({ state: 'RUNNING' });
    await trouble.slow(admin, id, SLOW_MAX - 1);
    await trouble.withoutHistory(admin, async () => {
      const failed = await until(id, (told) => told?.state !== 'RUNNING');
      expect(failed?.failure).toContain('Narrow the filter');
      expect(failed).toMatchObject({ state: 'FAILED', trouble: null });
    });
    expect(await asked).toMatchObject({ id, matched: 40, pending: true });
  }, 60_000);
});
