import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { partitionOf } from '#core';
import { freshName } from '../../testkit/gateway.js';
import { GatewaySuite } from '../../testkit/suite.js';

const PARTITIONS = 4;
const MONTH_MS = 30 * 86_400_000;
const suite = new GatewaySuite(PARTITIONS);

interface Submitted {
  readonly run: { readonly id: string; readonly project: { readonly id: string } } | null;
  readonly replayed: boolean;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const submit = (input: Record<string, unknown>): Promise<Submitted> =>
  suite.gateway.get(
    `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { id project { id } } replayed userErrors { code path message } } }`,
    { input: { project: 'demo', ...input } },
  );
const codes = ({ userErrors }: Pick<Submitted, 'userErrors'>): string[] =>
  userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);
const idOf = ({ run }: Submitted): string => run?.id ?? 'none';

async function job(more: Record<string, unknown>): Promise<string> {
  const name = freshName('job');
  const { userErrors } = await suite.gateway.get<Submitted>(
    `mutation ($input: ApplyJobInput!) { applyJob(input: $input) {
      userErrors { code path message } } }`,
    { input: { project: 'demo', name, spec: { kind: 'shell', command: 'true', ...more } } },
  );
  expect(userErrors).toEqual([]);
  return name;
}
/** As its suite.owner would at the end; what the run holds and leaves is the owner's to write. */
async function finish(
  { run }: Submitted,
  state: 'SUCCEEDED' | 'DEAD',
  expires = Date.now() + 60_000,
): Promise<void> {
  if (run === null) throw new Error('it was refused');
  const target = { ...run, project: run.project.id, partition: partitionOf(run.id, PARTITIONS) };
  const { rows } = await suite.database.admin.query<{ dedup: string | null; cache: string | null }>(
    'select dedup, cache from live where id = $1',
    [run.id],
  );
  const [{ dedup, cache } = { dedup: null, cache: null }] = rows;
  const outcome = state === 'DEAD' ? 'FAILED' : state;
  const shared = { dedup, cache: state === 'SUCCEEDED' ? cache : null, expires };
  await suite.owner.finish(
    target,
    state,
    outcome,
    { result: '{"n":1}', retentionMs: MONTH_MS },
    shared,
  );
}

describe('dedup (R40, 2.4)', () => {
  it('answers with the run that holds the key, and makes a new one after its end', async () => {
    const name = await job({ dedup: { key: 'import-${params.city}' } });
    const of = (city: string) => submit({ job: name, params: { city } });
    const first = await of('Bern');
    expect(first).toMatchObject({ replayed: false, userErrors: [] });
    const again = await of('Bern');
    expect(again).toMatchObject({ replayed: true, userErrors: [], run: { id: idOf(first) } });
    expect((await of('Basel')).replayed).toBe(false);
    await finish(first, 'SUCCEEDED');
    const next = await of('Bern');
    expect(next.replayed).toBe(false);
    expect(next.run?.id).not.toBe(idOf(first));
  });

  it('is of one job; a submission may name its own key, with or without a job', async () => {
    const [a, b] = [await job({}), await job({ dedup: { key: 'all' } })];
    const dedupKey = randomUUID();
    const first = await submit({ job: a, dedupKey });
    expect((await submit({ job: b, dedupKey })).replayed).toBe(false);
    expect(await submit({ job: a, dedupKey })).toMatchObject({ run: { id: idOf(first) } });
    const spec = { kind: 'shell', command: 'true' };
    const inline = await submit({ spec, dedupKey });
    expect(inline.replayed).toBe(false);
    expect(idOf(await submit({ spec: { ...spec, command: 'false' }, dedupKey }))).toBe(
      idOf(inline),
    );
  });

  it('a batch of 5,000 with one key makes one run', async () => {
    const name = await job({ dedup: { key: 'one' } });
    const items = Array.from({ length: 5_000 }, () => ({ project: 'demo', job: name }));
    const { results } = await suite.gateway.get<{ results: Submitted[] }>(
      `mutation ($input: SubmitRunsInput!) { submitRuns(input: $input) {
        results { run { id } replayed } } }`,
      { input: { project: 'demo', items } },
    );
    expect(new Set(results.map(idOf)).size).toBe(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('a retry holds the key of its run as it is with its params, or is refused', async () => {
    const name = await job({ dedup: { key: 'c-${params.city}' } });
    const old = await submit({ job: name, params: { city: 'Bern' } });
    await finish(old, 'DEAD');
    const retry = (more = {}): Promise<Submitted> =>
      suite.gateway.get(
        `mutation ($input: RetryRunInput!) { retryRun(input: $input) {
          run { id project { id } } userErrors { code path message } } }`,
        { input: { id: idOf(old), ...more } },
      );
    const first = await retry();
    expect(first.userErrors).toEqual([]);
    expect(codes(await retry())).toEqual(['DEDUP_KEY_HELD id']);
    const other = await retry({ params: { city: 'Basel' } });
    expect(other.userErrors).toEqual([]);
    expect(idOf(await submit({ job: name, params: { city: 'Bern' } }))).toBe(idOf(first));
    expect(idOf(await submit({ job: name, params: { city: 'Basel' } }))).toBe(idOf(other));
  });

  it('a retry that was refused is made by a repeat, once the dedup key is free', async () => {
    const name = await job({ dedup: { key: 'only' } });
    const old = await submit({ job: name });
    await finish(old, 'DEAD');
    const holder = await submit({ job: name });
    const retry = (): Promise<Submitted> =>
      suite.gateway.get(
        `mutation ($input: RetryRunInput!) { retryRun(input: $input) {
          run { id project { id } } userErrors { code path message } } }`,
        { input: { id: idOf(old), idempotencyKey: `again-${name}` } },
      );
    // Two at once in one commit, and one after it.
    const refused = await Promise.all([retry(), retry()]);
    for (const each of [...refused, await retry()]) {
      expect(codes(each)).toEqual(['DEDUP_KEY_HELD id']);
    }
    await finish(holder, 'SUCCEEDED');
    const made = await retry();
    expect(made.userErrors).toEqual([]);
    expect([idOf(old), idOf(holder)]).not.toContain(idOf(made));
    expect(idOf(await retry())).toBe(idOf(made));
  });

  it('says what a key lacks, with the path', async () => {
    const name = await job({ dedup: { key: '${params.a.b}' } });
    for (const params of [undefined, {}, { a: {} }, { a: { b: [1] } }, { a: { b: '' } }]) {
      const refused = await submit({ job: name, ...(params && { params }) });
      expect(codes(refused)).toEqual(['INVALID_VALUE params']);
    }
    expect(codes(await submit({ job: name, params: { a: { b: 'x'.repeat(256) } } }))).toEqual([
      'INVALID_VALUE params',
    ]);
    const refused = await submit({ job: 'noop', dedupKey: 'a\u0007b' });
    expect(codes(refused)).toEqual(['INVALID_VALUE dedupKey']);
  });

  it.each([
    [{ key: '${params}' }, 'key'],
    [{ key: '${tasks.a}' }, 'key'],
    [{ key: '${params.a' }, 'key'],
    [{ key: 'x'.repeat(256) }, 'key'],
    [{ key: '' }, 'key'],
    [{ key: 'a', whileIn: 'RUNNING' }, 'whileIn'],
    [{ keys: 'a' }, 'keys'],
  ])('a job with dedup %j is refused at %s', async (dedup, path) => {
    const spec = { kind: 'shell', command: 'true', dedup };
    const refused = await submit({ spec });
    expect(codes(refused)).toMatchObject([expect.stringMatching(`spec.dedup.${path}$`)]);
  });
});

describe('a result cache', () => {
  const read = (id: string) =>
    suite.gateway.get<Record<string, unknown>>(
      'query ($id: ID!) { run(id: $id) { id state result reusedFrom { id } } }',
      { id },
    );
  /** As the suite.owner takes in what is submitted with its end. */
  async function givenOf({ run }: Submitted): Promise<unknown> {
    const { rows } = await suite.database.admin.query<{ record: string | null }>(
      `select convert_from(record, 'UTF8') as record from live where id = $1`,
      [run?.id],
    );
    return (JSON.parse(rows[0]?.record ?? '{}') as { given?: unknown }).given;
  }

  it('a hit is submitted with its end; other params, another spec and `fresh` run', async () => {
    const name = await job({ cache: { ttl: '1h' } });
    const of = (params: unknown, more = {}) => submit({ job: name, params, ...more });
    const first = await of({ a: 1, b: 2 });
    expect(await givenOf(first)).toBeUndefined();
    expect(await givenOf(await of({ a: 1, b: 2 }))).toBeUndefined();
    await finish(first, 'SUCCEEDED');
    const hit = await of({ b: 2, a: 1 });
    expect(await givenOf(hit)).toMatchObject({
      as: 'SUCCEEDED',
      reusedFrom: idOf(first),
    });
    expect(await givenOf(await of({ a: 1, b: 3 }))).toBeUndefined();
    // What is for later is not over now.
    expect(await givenOf(await of({ a: 1, b: 2 }, { after: '1h' }))).toBeUndefined();
    expect(await givenOf(await of({ a: 1, b: 2 }, { fresh: true }))).toBeUndefined();
    expect((await read(idOf(first)))['reusedFrom']).toBeNull();
  });

  it('of a run whose params were changed is no result of those before', async () => {
    const name = await job({ cache: { ttl: '1h' } });
    const changed = await submit({ job: name, params: { a: 1 } });
    const { id = '', project } = changed.run ?? {};
    await suite.owner.amend(
      { id, project: project?.id ?? '', partition: partitionOf(id, suite.partitions) },
      { params: '{"a":2}' },
    );
    await finish(changed, 'SUCCEEDED');
    expect(await givenOf(await submit({ job: name, params: { a: 1 } }))).toBeUndefined();
  });

  it('knows no result that has expired, that failed, or of another key', async () => {
    const name = await job({ cache: { key: 'of ${params.city}', ttl: '1ms' } });
    const of = (city: string) => submit({ job: name, params: { city } });
    await finish(await of('Bern'), 'SUCCEEDED', Date.now() - 1);
    await finish(await of('Basel'), 'DEAD');
    for (const city of ['Bern', 'Basel']) expect(await givenOf(await of(city))).toBeUndefined();
  });

  it.each([
    [{}, 'ttl'],
    [{ ttl: '0s' }, 'ttl'],
    [{ ttl: '-1s' }, 'ttl'],
    [{ ttl: '400d' }, 'ttl'],
    [{ ttl: '1h', key: 'x'.repeat(256) }, 'key'],
    [{ ttl: '1h', key: '${run.id}' }, 'key'],
  ])('a job with cache %j is refused at %s', async (cache, path) => {
    const refused = await submit({ spec: { kind: 'shell', command: 'true', cache } });
    expect(codes(refused)).toMatchObject([expect.stringMatching(`spec.cache.${path}$`)]);
  });
});

describe('markRun of what is final (1.2)', () => {
  const mark = (input: object) =>
    suite.gateway.get<Submitted & { run: Record<string, unknown> | null }>(
      `mutation ($input: MarkRunInput!) { markRun(input: $input) {
        run { id labels params retryOf { id } } userErrors { code path message } } }`,
      { input },
    );

  it('makes a new run with its end, linked by retryOf; the old one stays', async () => {
    const old = await submit({ job: 'noop', params: { a: 1 }, labels: { team: 'x' } });
    await finish(old, 'DEAD');
    const said = { id: idOf(old), as: 'SUCCEEDED', result: { by: 'hand' }, reason: 'I did it' };
    const marked = await mark({ ...said, idempotencyKey: 'm1' });
    expect(marked).toMatchObject({
      run: { params: { a: 1 }, labels: { team: 'x' }, retryOf: { id: idOf(old) } },
      userErrors: [],
    });
    const { rows } = await suite.database.admin.query<{ record: string }>(
      `select convert_from(record, 'UTF8') as record from live where id = $1`,
      [marked.run?.id],
    );
    expect(JSON.parse(rows[0]?.record ?? '')).toMatchObject({
      given: { as: 'SUCCEEDED', reason: 'I did it', result: '{"by":"hand"}' },
    });
    const again = await mark({ ...said, idempotencyKey: 'm1' });
    expect(again.run?.id).toBe(marked.run?.id);
    const state = await suite.gateway.get('query ($id: ID!) { run(id: $id) { state } }', {
      id: idOf(old),
    });
    expect(state).toEqual({ state: 'DEAD' });
  });

  it('as what it is already is refused, and the same rules hold as before its end', async () => {
    const old = await submit({ job: 'noop' });
    await finish(old, 'SUCCEEDED');
    const id = idOf(old);
    expect(codes(await mark({ id, as: 'SUCCEEDED', reason: 'x' }))).toEqual(['RUN_FINAL as']);
    expect(codes(await mark({ id, as: 'DEAD', reason: 'x' }))).toEqual(['INVALID_VALUE as']);
    expect(codes(await mark({ id, as: 'SKIPPED', reason: ' ' }))).toEqual(['REQUIRED reason']);
  });
});
