import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type Answer, type TestGateway, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  const input = {
    project: 'demo',
    name: 'weather',
    spec: {
      kind: 'shell',
      command: 'true',
      priority: 'high',
      labels: { from: 'job', team: 'weather' },
      params: {
        type: 'object',
        required: ['city'],
        properties: { city: { type: 'string' }, days: { type: 'integer', maximum: 14 } },
        additionalProperties: false,
      },
    },
  };
  const apply = `mutation ($input: ApplyJobInput!) {
    applyJob(input: $input) { userErrors { code path message } } }`;
  expect(await gateway.get(apply, { input })).toEqual({ userErrors: [] });
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

interface Payload {
  readonly run: Readonly<Record<string, unknown>> | null;
  readonly replayed: boolean;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const FIELDS = `run {
    id kind priority labels params jobVersion scheduledFor submittedAt job { name }
  } replayed userErrors { code path message hint }`;
const SUBMIT = `mutation ($input: SubmitRunInput!) { submitRun(input: $input) { ${FIELDS} } }`;
const MANY = `mutation ($input: SubmitRunsInput!) { submitRuns(input: $input) {
  accepted userErrors { code path } results { run { id } replayed userErrors { code path } } } }`;

const submit = (input: Record<string, unknown>): Promise<Payload> =>
  gateway.get(SUBMIT, { input: { project: 'demo', ...input } });
const shell = { kind: 'shell', command: 'true' };
const count = async (): Promise<number> => {
  const { rows } = await database.admin.query<{ n: number }>('select count(*)::int n from live');
  return rows[0]?.n ?? 0;
};

describe('submitRun', () => {
  it('takes a specification in place, and its defaults', async () => {
    const { run, userErrors } = await submit({ spec: { ...shell, priority: 'low' } });
    expect(userErrors).toEqual([]);
    expect(run).toMatchObject({ kind: 'SHELL', priority: 8, job: null, jobVersion: null });
  });

  it("lets the submission win over the job's own", async () => {
    const { run } = await submit({ job: 'weather', params: { city: 'Bern' } });
    expect(run).toMatchObject({ priority: 3, labels: { from: 'job', team: 'weather' } });
    const own = { priority: 1, labels: { team: 'me' }, params: { city: 'Bern' } };
    expect((await submit({ job: 'weather', ...own })).run).toMatchObject({
      priority: 1,
      labels: { from: 'job', team: 'me' },
    });
  });

  it('at and after count by the clock of the database', async () => {
    const at = '2099-01-01T00:00:00.000Z';
    expect((await submit({ job: 'noop', at })).run).toMatchObject({ scheduledFor: at });
    const { run } = await submit({ job: 'noop', after: '1h30m' });
    const [due, from] = [run?.['scheduledFor'], run?.['submittedAt']].map((t) =>
      Date.parse(String(t)),
    );
    expect((due ?? 0) - (from ?? 0)).toBe(5_400_000);
  });

  it('big integers survive', async () => {
    const payload = `{"query": ${JSON.stringify(SUBMIT)}, "variables": {"input":
      {"project": "demo", "job": "noop", "params": {"big": 123456789012345678901}}}}`;
    const response = await gateway.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      payload,
    });
    expect(response.payload).toContain('"params":{"big":123456789012345678901}');
    const literal = `mutation { submitRun(input: {project: "demo", job: "noop",
      params: {big: 123456789012345678901}}) { run { params } } }`;
    const answer = await gateway.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      payload: JSON.stringify({ query: literal }),
    });
    expect(answer.payload).toContain('{"big":123456789012345678901}');
  });

  const long = { big: 'x'.repeat(262_144) };
  const deep = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) as unknown;
  it.each<[string, Record<string, unknown>, readonly (readonly [string, string])[]]>([
    ['nothing to run', {}, [['INVALID_INPUT', 'job']]],
    ['two things to run', { job: 'noop', spec: shell }, [['INVALID_INPUT', 'spec']]],
    ['no such job', { job: 'nop' }, [['NOT_FOUND', 'job']]],
    ['no such version', { job: 'noop', jobVersion: 9 }, [['NOT_FOUND', 'jobVersion']]],
    ['no such project', { project: 'nowhere', job: 'noop' }, [['NOT_FOUND', 'project']]],
    ['a version of nothing', { spec: shell, jobVersion: 1 }, [['INVALID_INPUT', 'jobVersion']]],
    [
      'at and after',
      { job: 'noop', at: '2099-01-01T00:00:00Z', after: '1s' },
      [['INVALID_INPUT', 'after']],
    ],
    ['a bad duration', { job: 'noop', after: 'soon' }, [['INVALID_DURATION', 'after']]],
    ['priorities', { job: 'noop', priority: 11 }, [['INVALID_VALUE', 'priority']]],
    ['too many params', { job: 'noop', params: long }, [['PAYLOAD_TOO_LARGE', 'params']]],
    ['bottomless params', { job: 'noop', params: deep }, [['TOO_DEEP', 'params.0.0']]],
    [
      'half a character',
      { job: 'noop', params: { a: '\ud800' } },
      [['INVALID_STRING', 'params.a']],
    ],
    ['half a name', { job: '\udc00' }, [['INVALID_STRING', 'job']]],
    ['labels', { job: 'noop', labels: { team: 1 } }, [['INVALID_LABELS', 'labels.team']]],
    ['a key', { job: 'noop', idempotencyKey: 'a\u001eb' }, [['INVALID_VALUE', 'idempotencyKey']]],
    [
      'params by schema, all of it',
      { job: 'weather', params: { days: 15, town: 'Bern' } },
      [
        ['INVALID_PARAMS', 'params.city'],
        ['INVALID_PARAMS', 'params.town'],
        ['INVALID_PARAMS', 'params.days'],
      ],
    ],
    ['params left out', { job: 'weather' }, [['INVALID_PARAMS', 'params.city']]],
    ['kinds', { spec: { kind: 'python', code: 'x' } }, [['UNSUPPORTED_KIND', 'spec.kind']]],
    [
      'several things at once',
      { spec: { kind: 'shell', comand: 'x', timeout: '5', pool: 'a/b' }, priority: 0 },
      [
        ['INVALID_VALUE', 'priority'],
        ['UNKNOWN_FIELD', 'spec.comand'],
        ['REQUIRED', 'spec.command'],
        ['INVALID_VALUE', 'spec.pool'],
        ['INVALID_DURATION', 'spec.timeout'],
      ],
    ],
  ])('refuses with its path: %s', async (_name, input, expected) => {
    const before = await count();
    const { run, userErrors } = await submit(input);
    const found = userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);
    expect(found.sort()).toEqual(expected.map((each) => each.join(' ')).sort());
    expect(run).toBeNull();
    expect(await count()).toBe(before);
  });

  it('one key is one run; another request under it is a conflict', async () => {
    const input = { job: 'noop', params: { n: 1 }, idempotencyKey: 'same' };
    const first = await submit(input);
    const again = await submit(input);
    expect(again).toMatchObject({ replayed: true, run: { id: first.run?.['id'] } });
    const other = await submit({ ...input, params: { n: 2 } });
    expect(other).toMatchObject({
      run: null,
      userErrors: [{ code: 'IDEMPOTENCY_CONFLICT', path: ['idempotencyKey'] }],
    });
  });

  it('what belongs to the wrong type is told with where', async () => {
    const { errors }: Answer = await gateway.ask(SUBMIT, { input: { project: 'demo', at: 'x' } });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    expect(errors?.[0]?.message).toContain('input.at');
  });
});

describe('submitRuns', () => {
  const items = (n: number, bad: readonly number[] = []): Record<string, unknown>[] =>
    Array.from({ length: n }, (_, i) => ({
      project: 'demo',
      job: bad.includes(i) ? 'nobody' : 'noop',
      params: { i },
    }));
  interface Many {
    readonly accepted: number;
    readonly results: readonly Payload[];
    readonly userErrors: Payload['userErrors'];
  }
  const many = (list: unknown[], atomic: string): Promise<Many> =>
    gateway.get(MANY, { input: { project: 'demo', items: list, atomic } });

  it('R41 5,000 with 3 bad ones: EACH makes 4,997 and names 3', async () => {
    const bad = [7, 2_500, 4_999];
    const before = await count();
    const { accepted, results, userErrors } = await many(items(5_000, bad), 'EACH');
    expect({ accepted, userErrors }).toEqual({ accepted: 4_997, userErrors: [] });
    expect((await count()) - before).toBe(4_997);
    const named = results.flatMap((result, i) => (result.run === null ? [i] : []));
    expect(named).toEqual(bad);
    expect(results[7]?.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['items', '7', 'job'] }]);
    expect(new Set(results.map(({ run }) => run?.['id'])).size).toBe(4_998);
  }, 30_000);

  it('R41 5,000 with 3 bad ones: ALL makes none', async () => {
    const before = await count();
    const { accepted, results } = await many(items(5_000, [7, 2_500, 4_999]), 'ALL');
    expect(accepted).toBe(0);
    expect(await count()).toBe(before);
    expect(results[0]?.userErrors).toEqual([{ code: 'WITHDRAWN', path: ['items', '0'] }]);
    expect(results[7]?.userErrors[0]?.code).toBe('NOT_FOUND');
  }, 30_000);

  it('ALL without a bad one makes all of them, and a repeat with keys makes no more', async () => {
    const keyed = items(500).map((item, i) => ({ ...item, idempotencyKey: `all-${i}` }));
    const before = await count();
    expect((await many(keyed, 'ALL')).accepted).toBe(500);
    const again = await many(keyed, 'ALL');
    expect(again.results.every(({ replayed }) => replayed)).toBe(true);
    expect((await count()) - before).toBe(500);
  }, 30_000);

  it('5,001 are too many, and nothing is written', async () => {
    const before = await count();
    const { accepted, results, userErrors } = await many(items(5_001), 'EACH');
    expect({ accepted, results }).toEqual({ accepted: 0, results: [] });
    expect(userErrors).toEqual([{ code: 'TOO_MANY_ITEMS', path: ['items'] }]);
    expect(await count()).toBe(before);
  });

  it('one key for two requests: EACH refuses the second, ALL both', async () => {
    const two = (key: string): unknown[] =>
      items(2).map((item) => ({ ...item, idempotencyKey: key }));
    const each = await many(two('two-each'), 'EACH');
    expect(each.results.map(({ userErrors }) => userErrors[0]?.code)).toEqual([
      undefined,
      'IDEMPOTENCY_CONFLICT',
    ]);
    expect((await many(two('two-all'), 'ALL')).accepted).toBe(0);
  });

  it('a key of an earlier, other request refuses an ALL batch whole', async () => {
    const [first, ...rest] = items(3);
    await many([{ ...first, idempotencyKey: 'taken' }], 'EACH');
    const before = await count();
    const batch = [{ ...first, params: { n: 99 }, idempotencyKey: 'taken' }, ...rest];
    const { accepted, results } = await many(batch, 'ALL');
    expect(accepted).toBe(0);
    expect(results.map(({ userErrors }) => userErrors[0]?.code)).toEqual([
      'IDEMPOTENCY_CONFLICT',
      'WITHDRAWN',
      'WITHDRAWN',
    ]);
    expect(await count()).toBe(before);
  });

  it('no item is of another project', async () => {
    const { results } = await many([{ project: 'other', job: 'noop' }], 'EACH');
    expect(results[0]?.userErrors).toEqual([
      { code: 'INVALID_INPUT', path: ['items', '0', 'project'] },
    ]);
  });
});
