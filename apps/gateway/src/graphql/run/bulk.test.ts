import { describe, expect, it } from 'vitest';
import { RUN_STATES } from '#core';
import { trouble } from '../../../../../test/support/database.js';
import { GatewaySuite } from '../../testkit/suite.js';

const suite = new GatewaySuite();

interface Made {
  readonly id: string;
  readonly partition: number;
  readonly project: string;
}

async function submit(count: number, labels: object): Promise<Made[]> {
  for (let left = count; left > 0; left -= 5_000) {
    const item = { project: 'demo', job: 'noop', labels, params: { n: 1 } };
    const items = Array.from({ length: Math.min(left, 5_000) }, () => item);
    await suite.gateway.get(
      `mutation ($items: [SubmitRunInput!]!) {
        submitRuns(input: { project: "demo", items: $items }) { accepted } }`,
      { items },
    );
  }
  const { rows } = await suite.database.admin.query<Made>(
    `select id, partition, project from live
      where convert_from(labels, 'UTF8')::jsonb @> $1 order by id`,
    [JSON.stringify(labels)],
  );
  return rows;
}

interface Answer {
  readonly matched: number;
  readonly applied: number;
  readonly pending: boolean;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const bulk = async (input: object): Promise<Answer> =>
  await suite.gateway.get(
    `mutation ($input: BulkRunsInput!) { bulkRuns(input: $input) {
      matched applied pending userErrors { code path message hint } } }`,
    { input: { project: 'demo', ...input } },
  );
const commands = async (): Promise<number> => {
  const text = 'select count(*)::int as n from inbox where kind = 1';
  return Number((await suite.database.admin.query<{ n: number }>(text)).rows[0]?.n);
};

describe('bulkRuns', () => {
  it('a dry run counts what the action fits, and writes nothing', async () => {
    const labels = { test: 'dry' };
    const [first, second] = (await submit(5, labels)) as [Made, Made];
    await suite.owner.finish(first, 'DEAD', 'FAILED');
    await suite.owner.move(second, 'PAUSED');
    const count = async (action: string, more: object = {}): Promise<number> => {
      const input = { filter: { labels, ...more }, action, dryRun: true };
      const answer = await bulk(input);
      expect(answer).toMatchObject({ applied: 0, pending: false, userErrors: [] });
      return answer.matched;
    };
    expect(await count('CANCEL')).toBe(4);
    expect(await count('PAUSE')).toBe(3);
    expect(await count('RESUME')).toBe(1);
    expect(await count('RETRY')).toBe(1);
    expect(await count('RETRY', { states: ['CANCELLED'] })).toBe(0);
    expect(await commands()).toBe(0);
  });

  it('R80: retries what is dead, each once, also when it is asked again with its key', async () => {
    const labels = { test: 'retry' };
    const made = await submit(220, labels);
    for (const run of made) await suite.owner.finish(run, 'DEAD', 'FAILED');
    const pace = { perSecond: 10_000, idempotencyKey: 'bulk-1' };
    const input = { filter: { labels }, action: 'RETRY', ...pace };
    expect(await bulk({ ...input, dryRun: true, idempotencyKey: null })).toMatchObject({
      matched: 220,
    });
    expect(await bulk(input)).toMatchObject({ matched: 220, applied: 220, pending: false });
    expect(await bulk(input)).toMatchObject({ matched: 220, applied: 220, pending: false });
    const { rows } = await suite.database.admin.query(
      `select count(*)::int as runs, count(distinct retry_of)::int as olds,
        count(*) filter (where params = convert_to('{"n":1}', 'UTF8'))::int as same
        from live where retry_of = any ($1)`,
      [made.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ runs: 220, olds: 220, same: 220 }]);
    expect(await bulk({ ...input, reason: 'other' })).toMatchObject({
      applied: 0,
      userErrors: [{ code: 'IDEMPOTENCY_CONFLICT' }],
    });
  });

  it('R80: discards dead letters with a reason; they are in no list but their own', async () => {
    const labels = { test: 'discard' };
    const [dead, gone, live] = (await submit(3, labels)) as [Made, Made, Made];
    for (const run of [dead, gone]) await suite.owner.finish(run, 'DEAD', 'FAILED');
    await suite.owner.discard(gone, 'ana', 'a known fault');
    const list = async (more: object): Promise<string[]> => {
      const { nodes } = await suite.gateway.get<{ nodes: { id: string }[] }>(
        `query ($filter: RunFilter) { runs(project: "demo", filter: $filter, orderBy: OLDEST) {
          nodes { id } } }`,
        { filter: { labels, ...more } },
      );
      return nodes.map(({ id }) => id);
    };
    expect(await list({ states: ['DEAD'] })).toEqual([dead.id, gone.id]);
    expect(await list({ states: ['DEAD'], discarded: false })).toEqual([dead.id]);
    expect(await list({ discarded: true })).toEqual([gone.id]);
    expect(await list({ discarded: false })).toEqual([dead.id, live.id]);
    const shown = 'query ($id: ID!) { run(id: $id) { state discarded { by reason at } } }';
    expect(await suite.gateway.get(shown, { id: gone.id })).toEqual({
      state: 'DEAD',
      discarded: { by: 'ana', reason: 'a known fault', at: expect.stringMatching(/^20.*Z$/) },
    });
    expect(await suite.gateway.get(shown, { id: dead.id })).toMatchObject({ discarded: null });
    const before = await commands();
    const input = { filter: { labels }, action: 'DISCARD', reason: 'old' };
    expect(await bulk({ ...input, dryRun: true })).toMatchObject({ matched: 1, applied: 0 });
    expect(await bulk(input)).toMatchObject({ matched: 1, applied: 1 });
    expect((await commands()) - before).toBe(1);
    // Who asks for the discarded ones may still retry them.
    const retry = { filter: { labels }, action: 'RETRY', dryRun: true };
    expect((await bulk(retry)).matched).toBe(1);
    const asked = { ...retry, filter: { labels, discarded: true } };
    expect((await bulk(asked)).matched).toBe(1);
  });

  it('commands: one for each run, at the pace that was asked for', async () => {
    const labels = { test: 'pace' };
    await submit(30, labels);
    const before = await commands();
    const began = performance.now();
    const input = { filter: { labels }, action: 'REPRIORITIZE', priority: 1, perSecond: 20 };
    expect(await bulk(input)).toMatchObject({ matched: 30, applied: 30, pending: false });
    // Twenty at once, the rest a second later.
    expect(performance.now() - began).toBeGreaterThanOrEqual(950);
    expect((await commands()) - before).toBe(30);
  });

  it('names what is wrong, and does nothing', async () => {
    const codes = async (input: object): Promise<string[]> =>
      (await bulk(input)).userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);
    const filter = { labels: { test: 'none' } };
    expect(await codes({ filter, action: 'REPRIORITIZE' })).toEqual(['REQUIRED priority']);
    expect(await codes({ filter, action: 'CANCEL', priority: 1, perSecond: 0 })).toEqual([
      'INVALID_INPUT priority',
      'INVALID_VALUE perSecond',
    ]);
    expect(await codes({ filter, action: 'CANCEL', project: 'nobody' })).toEqual([
      'NOT_FOUND project',
    ]);
    expect(await bulk({ filter, action: 'CANCEL' })).toMatchObject({ matched: 0, applied: 0 });
  });

  it('counts a million exactly; more than that is refused with what to do', async () => {
    const { admin } = suite.database;
    const [{ project }] = (await submit(1, { test: 'many' })) as [Made];
    const cancelled = RUN_STATES.indexOf('CANCELLED');
    await trouble.heap(admin, project, cancelled, 1_000_001);
    const input = { filter: { states: ['CANCELLED'] }, action: 'RETRY' };
    expect(await bulk(input)).toMatchObject({
      matched: 0,
      userErrors: [{ code: 'TOO_MANY_RUNS', path: ['filter'] }],
    });
    await trouble.heap(admin, project, cancelled, -1);
    expect(await bulk({ ...input, dryRun: true })).toMatchObject({ matched: 1_000_000 });
  }, 60_000);
});
