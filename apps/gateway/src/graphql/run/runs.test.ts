import { describe, expect, it, vi } from 'vitest';
import { type RunRow, findRuns } from '#postgres';
import { GatewaySuite } from '../../testkit/suite.js';

const suite = new GatewaySuite();

async function submit(more: Record<string, unknown> = {}): Promise<RunRow> {
  const { run } = await suite.gateway.get<{ run: { id: string; project: { id: string } } }>(
    `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { id project { id } } userErrors { code message } } }`,
    { input: { project: 'demo', job: 'noop', ...more } },
  );
  const [row] = await findRuns(suite.gateway.reader, [run.project.id], [run.id]);
  if (row === undefined) throw new Error(`run ${run.id} was not written`);
  return row;
}

interface Page {
  readonly nodes: readonly { readonly id: string; readonly state: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
const LIST = `query ($filter: RunFilter, $first: Int, $after: Cursor, $order: RunOrder) {
  runs(project: "demo", filter: $filter, first: $first, after: $after, orderBy: $order) {
    nodes { id state } edges { cursor } pageInfo { hasNextPage endCursor } } }`;
const list = (variables: Record<string, unknown>): Promise<Page> =>
  suite.gateway.get(LIST, variables);
const idsOf = (page: Page): string[] => page.nodes.map(({ id }) => id);

describe('runs', () => {
  it('lists live and final ones together, page by page, in both orders', async () => {
    const labels = { test: 'pages' };
    const made: RunRow[] = [];
    for (let i = 0; i < 7; i++) made.push(await submit({ labels }));
    for (const run of made.filter((_, i) => i % 2 === 0)) {
      await suite.owner.finish(run, 'SUCCEEDED', 'SUCCEEDED');
    }
    const filter = { labels };
    for (const order of ['NEWEST', 'OLDEST']) {
      const seen: string[] = [];
      let after: string | null = null;
      for (let pages = 0; pages < 10; pages++) {
        const page: Page = await list({ filter, order, first: 3, after });
        seen.push(...idsOf(page));
        after = page.pageInfo.endCursor;
        if (!page.pageInfo.hasNextPage) break;
      }
      const oldest = made.map(({ id }) => id);
      expect(seen).toEqual(order === 'OLDEST' ? oldest : oldest.toReversed());
    }
  });

  it('filters: values of a field are any of them, fields are all of them', async () => {
    const labels = { test: 'filters' };
    const shell = await submit({ labels, job: 'hello-shell' });
    const waits = await submit({ labels, after: '1h' });
    const dead = await submit({ labels: { ...labels, team: 'data' } });
    await suite.owner.finish(dead, 'DEAD', 'FAILED');
    const lost = await submit({ labels });
    await suite.owner.finish(lost, 'CANCELLED', 'CANCELLED');
    const found = async (more: Record<string, unknown>): Promise<string[]> =>
      idsOf(await list({ filter: { labels, ...more }, order: 'OLDEST' }));
    expect(await found({ states: ['DEAD', 'CANCELLED'] })).toEqual([dead.id, lost.id]);
    expect(await found({ states: ['SCHEDULED'] })).toEqual([shell.id, waits.id]);
    expect(await found({ outcomes: ['FAILED'] })).toEqual([dead.id]);
    expect(await found({ states: ['SCHEDULED'], outcomes: ['FAILED'] })).toEqual([]);
    expect(await found({ kinds: ['SHELL'] })).toEqual([shell.id]);
    expect(await found({ jobs: ['hello-shell'] })).toEqual([shell.id]);
    expect(await found({ ids: [waits.id, lost.id, 'nonsense'] })).toEqual([waits.id, lost.id]);
    expect(await found({ ids: [] })).toEqual([]);
    expect(await found({ labels: { test: 'filters', team: 'data' } })).toEqual([dead.id]);
    const at = new Date(dead.submittedAt).toISOString();
    expect(await found({ submittedBefore: at, states: ['SCHEDULED'] })).toContain(shell.id);
    expect(await found({ submittedAfter: at })).not.toContain(shell.id);
    expect(await found({ finishedAfter: at })).toEqual([dead.id, lost.id]);
    expect(await found({ finishedBefore: at })).toEqual([]);
    const jobs = `{ job(project: "demo", name: "noop") {
      runs(filter: { labels: { test: "filters" }, states: [SCHEDULED] }) { nodes { id } } } }`;
    expect(await suite.gateway.get(jobs)).toEqual({ runs: { nodes: [{ id: waits.id }] } });
  });

  it('a cursor of another list, or of nobody, is the error BAD_CURSOR', async () => {
    const other = Buffer.from('["jobs","x"]').toString('base64url');
    for (const after of ['nonsense', other, '', 'W10']) {
      const { errors } = await suite.gateway.ask(LIST, { after });
      expect(errors?.[0]?.extensions.code).toBe('BAD_CURSOR');
    }
  });

  it('an id that is no id is no run', async () => {
    expect(await suite.gateway.get('{ run(id: "DROP TABLE") { id } }')).toBeNull();
  });

  it('a final run keeps its result, every digit of it, its error and its events', async () => {
    const params = { big: 1, text: 'ä😀"\\' };
    const run = await submit({ params });
    await suite.owner.move(run, 'READY');
    await suite.owner.finish(run, 'DEAD', 'FAILED');
    const query = `query ($id: ID!) { run(id: $id) { state outcome params result finishedAt
      error { class message } events { nodes { type from to run { id } } } waitingFor { kind } } }`;
    const response = await suite.gateway.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${suite.gateway.key}`, 'content-type': 'application/json' },
      payload: JSON.stringify({ query, variables: { id: run.id } }),
    });
    expect(response.payload).toContain('{"answer":9007199254740993}');
    expect(JSON.parse(response.payload)).toMatchObject({
      data: {
        run: {
          state: 'DEAD',
          outcome: 'FAILED',
          params,
          error: { class: 'Boom', message: 'it broke' },
          // The row of this test's suite.owner names its newest event only.
          events: { nodes: [{ type: 'FINISHED', to: 'DEAD', run: { id: run.id } }] },
          waitingFor: [],
        },
      },
    });
  });

  it('says why it is not running', async () => {
    const why = async (id: string): Promise<unknown> => {
      const query = 'query ($id: ID!) { run(id: $id) { waitingFor { kind until text } } }';
      const { waitingFor } = await suite.gateway.get<{ waitingFor: readonly unknown[] }>(query, {
        id,
      });
      return waitingFor[0];
    };
    const fresh = await submit();
    expect(await why(fresh.id)).toMatchObject({ kind: 'NOT_TAKEN_IN' });
    await suite.owner.move(fresh, 'READY');
    expect(await why(fresh.id)).toMatchObject({
      kind: 'NO_EXECUTOR',
      text: 'No executor of pool default is active.',
    });
    const rank = Date.UTC(2099, 0, 1);
    await suite.owner.move(fresh, 'WAITING_RETRY', { lane: '0', rank });
    expect(await why(fresh.id)).toMatchObject({
      kind: 'RETRY_DELAY',
      until: '2099-01-01T00:00:00.000Z',
    });
    const later = await submit({ at: '2099-01-01T00:00:00.000Z' });
    await suite.owner.move(later, 'SCHEDULED', { lane: '0', rank });
    expect(await why(later.id)).toMatchObject({
      kind: 'NOT_DUE',
      until: '2099-01-01T00:00:00.000Z',
    });
  });
});

describe('cancelRun', () => {
  const CANCEL = `mutation ($input: RunActionInput!) { cancelRun(input: $input) {
    run { id state } pending userErrors { code path message } } }`;

  async function answered(run: RunRow, outcome: unknown): Promise<void> {
    const one = async (): Promise<void> => {
      expect(await suite.owner.answer(run.partition, outcome)).toBe(1);
    };
    await vi.waitFor(one, { timeout: 4_000, interval: 5 });
  }

  it('waits for the answer of the owner', async () => {
    const run = await submit();
    const asked = suite.gateway.get(CANCEL, { input: { id: run.id, reason: 'enough' } });
    await answered(run, { ok: true });
    expect(await asked).toMatchObject({ run: { id: run.id }, pending: false, userErrors: [] });
  });

  it('says what a final run is already', async () => {
    const run = await submit();
    await suite.owner.finish(run, 'SUCCEEDED', 'SUCCEEDED');
    expect(await suite.gateway.get(CANCEL, { input: { id: run.id } })).toMatchObject({
      run: { state: 'SUCCEEDED' },
      userErrors: [{ code: 'RUN_FINAL', message: expect.stringContaining('SUCCEEDED') as string }],
    });
    const raced = await submit();
    const asked = suite.gateway.get(CANCEL, { input: { id: raced.id } });
    const lost = { ok: false, code: 'RUN_FINAL', state: 'DEAD' };
    await answered(raced, lost);
    expect(await asked).toMatchObject({ userErrors: [{ code: 'RUN_FINAL' }] });
  });

  it('a repeat with the key gets the same answer and asks for nothing anew', async () => {
    const run = await submit();
    const input = { id: run.id, idempotencyKey: 'cancel-1' };
    const asked = suite.gateway.get(CANCEL, { input });
    await answered(run, { ok: true });
    expect(await asked).toMatchObject({ pending: false, userErrors: [] });
    expect(await suite.gateway.get(CANCEL, { input })).toMatchObject({
      pending: false,
      userErrors: [],
    });
    expect(await suite.gateway.get(CANCEL, { input: { ...input, reason: 'other' } })).toMatchObject(
      {
        userErrors: [{ code: 'IDEMPOTENCY_CONFLICT' }],
      },
    );
    expect(await suite.owner.answer(run.partition, { ok: true })).toBe(0);
  });

  it('says pending when nobody answers in time', async () => {
    const run = await submit();
    expect(await suite.gateway.get(CANCEL, { input: { id: run.id } })).toMatchObject({
      run: { state: 'SCHEDULED' },
      pending: true,
      userErrors: [],
    });
  });

  it('names what is wrong', async () => {
    const run = await submit();
    const input = { id: run.id, grace: 'soon', idempotencyKey: '' };
    expect(await suite.gateway.get(CANCEL, { input })).toMatchObject({
      userErrors: [{ path: ['grace'] }, { path: ['idempotencyKey'] }],
    });
  });
});
