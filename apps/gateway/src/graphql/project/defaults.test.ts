import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, freshName, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let gateway: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  const settings = { ORRERY_SILENT_AFTER: '20s' };
  other = await startTestGateway({ url: database.url, settings });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
  await database.stop();
});

const update = (input: object) =>
  gateway.get<{ project: unknown; userErrors: { code: string; path: string[] }[] }>(
    `mutation ($input: UpdateProjectInput!) { updateProject(input: $input) {
      project { name description defaults } userErrors { code path message } } }`,
    { input: { name: 'demo', ...input } },
  );
async function poolOf(at: TestGateway, input: object): Promise<string> {
  const { run } = await at.get<{ run: { id: string } }>(
    `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { id } userErrors { message } } }`,
    { input: { project: 'demo', ...input } },
  );
  const { rows } = await database.admin.query<{ pool: string; policy: string }>(
    `select l.pool, convert_from(s.policy, 'UTF8') as policy from live l
      join specification s on s.hash = l.spec where l.id = $1`,
    [run.id],
  );
  const { retry } = JSON.parse(rows[0]?.policy ?? '{}') as { retry: { maxAttempts: number } };
  return `${rows[0]?.pool} ${retry.maxAttempts}`;
}

it('stopAfter is held against silentAfter wherever it is set, and nowhere else (3.6)', async () => {
  const name = freshName('cut-off');
  const disconnect = { stopAfter: '18s' };
  const spec = { kind: 'shell', command: 'true', disconnect };
  const asked: readonly [string, string, object][] = [
    ['submitRun', 'SubmitRunInput', { project: 'demo', spec }],
    ['updateProject', 'UpdateProjectInput', { name: 'demo', defaults: { disconnect } }],
    ['applyJob', 'ApplyJobInput', { project: 'demo', name, spec }],
  ];
  for (const [mutation, type, input] of asked) {
    const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) {
      userErrors { message } } }`;
    const refused = await gateway.get(document, { input });
    expect(refused).toMatchObject({
      userErrors: [{ message: expect.stringContaining('at most 13s') as string }],
    });
    expect(await other.get(document, { input })).toEqual({ userErrors: [] });
  }
  await update({ defaults: {} });
  expect(await poolOf(gateway, { job: name })).toBe('default 3');
});

describe('updateProject', () => {
  it('what is submitted next goes by the defaults, of a job and in place', async () => {
    const name = freshName('job');
    const spec = { kind: 'shell', command: 'true' };
    await gateway.get(
      `mutation ($input: ApplyJobInput!) { applyJob(input: $input) { userErrors { code } } }`,
      { input: { project: 'demo', name, spec: { ...spec, retry: { maxAttempts: 2 } } } },
    );
    expect(await poolOf(gateway, { job: name })).toBe('default 2');
    const defaults = { pool: 'big', retry: { maxAttempts: 9 } };
    expect(await update({ defaults, description: 'mine' })).toEqual({
      project: { name: 'demo', description: 'mine', defaults },
      userErrors: [],
    });
    expect(await poolOf(gateway, { job: name })).toBe('big 2');
    expect(await poolOf(gateway, { spec })).toBe('big 9');
    // Another gateway goes by what is a second old at most.
    await expect.poll(() => poolOf(other, { spec }), { timeout: 3_000 }).toBe('big 9');
    const job = await gateway.get(
      `query ($name: String!) { job(project: "demo", name: $name) {
        effective { name value from } } }`,
      { name },
    );
    expect(job).toMatchObject({
      effective: expect.arrayContaining([
        { name: 'pool', value: 'big', from: 'PROJECT' },
        { name: 'retry.maxAttempts', value: 2, from: 'JOB' },
        { name: 'priority', value: 5, from: 'BUILT_IN' },
      ]) as unknown,
    });
    await update({ defaults: {} });
    expect(await poolOf(gateway, { spec })).toBe('default 3');
  });

  it('null takes away the description and the defaults; what is left out stays', async () => {
    const name = freshName('kept');
    await gateway.get(
      `mutation { createProject(input: { name: "${name}" }) { userErrors { code } } }`,
    );
    const defaults = { pool: 'big' };
    await update({ name, description: 'mine', defaults });
    const kept = { name, description: 'mine', defaults };
    expect((await update({ name })).project).toEqual(kept);
    const none = await update({ name, defaults: null });
    expect(none).toEqual({ project: { ...kept, defaults: {} }, userErrors: [] });
    expect((await update({ name, description: null })).project).toMatchObject({
      description: null,
    });
  });

  it('names what is wrong with its path, and changes nothing', async () => {
    const { userErrors } = await update({ defaults: { timeout: 'soon' }, description: 'y' });
    expect(userErrors).toMatchObject([{ code: 'INVALID_DURATION', path: ['defaults', 'timeout'] }]);
    const read = 'query { project(name: "demo") { description } }';
    expect(await gateway.get(read)).toEqual({ description: 'mine' });
    expect((await update({ name: 'nobody' })).userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['name'] },
    ]);
  });
});
