import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, freshName, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

const APPLY = `mutation ($input: ApplyJobInput!) { applyJob(input: $input) {
  job { name version spec description owner labels project { name } } changed pending
  userErrors { code path message hint } } }`;
interface Applied {
  readonly job: Readonly<Record<string, unknown>> | null;
  readonly changed: boolean;
  readonly userErrors: readonly {
    readonly code: string;
    readonly path: readonly string[];
    readonly hint: string | null;
  }[];
}
const apply = (name: string, spec: unknown, more = {}): Promise<Applied> =>
  gateway.get(APPLY, { input: { project: 'demo', name, spec, ...more } });
const shell = (command: string): Record<string, unknown> => ({ kind: 'shell', command });

describe('applyJob', () => {
  it('makes a job, a version at each change, and none without one', async () => {
    const name = freshName('job');
    const spec = { ...shell('a'), description: 'd', owner: 'o', labels: { team: 'x' } };
    expect(await apply(name, spec)).toEqual({
      job: {
        name,
        version: 1,
        spec,
        description: 'd',
        owner: 'o',
        labels: { team: 'x' },
        project: { name: 'demo' },
      },
      changed: true,
      pending: false,
      userErrors: [],
    });
    const reordered = Object.fromEntries(Object.entries(spec).toReversed());
    expect(await apply(name, reordered)).toMatchObject({ changed: false, job: { version: 1 } });
    expect(await apply(name, shell('b'))).toMatchObject({ changed: true, job: { version: 2 } });
    const versions = `query ($name: String!, $after: Cursor) {
      job(project: "demo", name: $name) { version spec
        versions(first: 1, after: $after) { nodes { version spec createdBy }
          pageInfo { hasNextPage endCursor } } } }`;
    const page = await gateway.get<{ versions: { pageInfo: { endCursor: string } } }>(versions, {
      name,
    });
    expect(page).toMatchObject({
      version: 2,
      spec: shell('b'),
      versions: { nodes: [{ version: 2, createdBy: 'key:admin of this machine' }] },
    });
    const after = page.versions.pageInfo.endCursor;
    expect(await gateway.get(versions, { name, after })).toMatchObject({
      versions: { nodes: [{ version: 1, spec }], pageInfo: { hasNextPage: false } },
    });
  });

  it('a run pins its version, and takes the newest when it names none', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    await apply(name, { kind: 'function', name: 'noop' });
    const submit = `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { jobVersion kind } } }`;
    const run = (jobVersion: number | null): Promise<unknown> =>
      gateway.get(submit, { input: { project: 'demo', job: name, jobVersion } });
    expect(await run(null)).toEqual({ run: { jobVersion: 2, kind: 'FUNCTION' } });
    expect(await run(1)).toEqual({ run: { jobVersion: 1, kind: 'SHELL' } });
  });

  it('expectedVersion: who comes second is told', async () => {
    const name = freshName('job');
    expect(await apply(name, shell('a'), { expectedVersion: 1 })).toMatchObject({
      job: null,
      userErrors: [{ code: 'VERSION_CONFLICT', path: ['expectedVersion'] }],
    });
    expect(await apply(name, shell('a'), { expectedVersion: 0 })).toMatchObject({ changed: true });
    const racing = ['b', 'c', 'd', 'e'].map((each) =>
      apply(name, shell(each), { expectedVersion: 1 }),
    );
    const raced = await Promise.all(racing);
    expect(raced.filter(({ changed }) => changed)).toHaveLength(1);
    expect(
      raced.filter(({ userErrors }) => userErrors[0]?.code === 'VERSION_CONFLICT'),
    ).toHaveLength(3);
  });

  it('first applies at once make one job with all their versions', async () => {
    const name = freshName('job');
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((each) => apply(name, shell(each))));
    expect(new Set(all.map(({ job }) => job?.['version']))).toEqual(new Set([1, 2, 3, 4]));
  });

  it('names everything that is wrong, with what may have been meant', async () => {
    const { userErrors, job } = await apply('no/name', {
      kind: 'shell',
      command: '',
      timeuot: '5s',
      priority: 'hihg',
      concurrency: { limit: 1 },
      environment: { 'A=B': 'x', OK: 1 },
      retry: { maxAttempts: 0, delay: 'soon', backoff: 'EXPONENTAIL', tries: 3 },
      disconnect: { lostAfter: 'never' },
      labels: { 'a b': 'x' },
      params: { type: 'strnig' },
    });
    expect(job).toBeNull();
    const found = userErrors.map(({ code, path, hint }) => `${code} ${path.join('.')} ${hint}`);
    expect(found.sort()).toEqual(
      [
        'INVALID_VALUE name null',
        'INVALID_VALUE spec.command null',
        'UNKNOWN_FIELD spec.timeuot Did you mean timeout?',
        'UNSUPPORTED_FIELD spec.concurrency null',
        'INVALID_VALUE spec.priority Did you mean high?',
        'INVALID_VALUE spec.environment.A=B null',
        'INVALID_VALUE spec.environment.OK null',
        'INVALID_VALUE spec.retry.maxAttempts null',
        'INVALID_DURATION spec.retry.delay null',
        'INVALID_VALUE spec.retry.backoff Did you mean EXPONENTIAL?',
        'UNKNOWN_FIELD spec.retry.tries Known are maxAttempts, delay, backoff, factor, ' +
          'maxDelay, jitter, rules, budgets.',
        'INVALID_DURATION spec.disconnect.lostAfter null',
        'INVALID_LABELS spec.labels.a b null',
        'INVALID_SCHEMA spec.params null',
      ].sort(),
    );
  });

  it.each([[null], ['text'], [[]], [{}], [{ kind: 'shell' }], [{ kind: 'function', name: 'a b' }]])(
    'refuses %j',
    async (spec) => {
      const answer = await gateway.ask(APPLY, { input: { project: 'demo', name: 'x', spec } });
      const payload = (answer.data?.['applyJob'] ?? null) as Applied | null;
      const codes = payload?.userErrors.map(({ code }) => code) ?? [];
      expect(codes.length + (answer.errors?.length ?? 0)).toBeGreaterThan(0);
    },
  );
});

describe('jobs', () => {
  it('lists by name, page by page', async () => {
    const stem = freshName('list');
    const names = ['b', 'a', 'C', 'd_e'].map((each) => `${stem}-${each}`);
    for (const name of names) await apply(name, shell('a'));
    const list = `query ($names: [String!], $after: Cursor) {
      jobs(project: "demo", filter: { names: $names }, first: 3, after: $after) {
        nodes { name } pageInfo { hasNextPage endCursor } } }`;
    interface Page {
      readonly nodes: readonly { readonly name: string }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    }
    const first = await gateway.get<Page>(list, { names });
    const after = first.pageInfo.endCursor;
    const rest = await gateway.get<Page>(list, { names, after });
    const seen = [...first.nodes, ...rest.nodes].map(({ name }) => name);
    expect(seen.toSorted()).toEqual(names.toSorted());
    expect(rest.pageInfo.hasNextPage).toBe(false);
    const all = await gateway.get<Page>('{ jobs(project: "demo") { nodes { name } } }');
    expect(all.nodes.length).toBeGreaterThan(6);
  });
});
