import { describe, expect, it, vi } from 'vitest';
import { partitionOf } from '#core';
import { freshName } from '../../testkit/gateway.js';
import { GatewaySuite } from '../../testkit/suite.js';

const PARTITIONS = 4;
/** All but the first. */
const OTHERS = [1, 2, 3];
const suite = new GatewaySuite(PARTITIONS);

const PAYLOAD = `job { name version spec deletedAt versions { nodes { version spec createdBy } } }
  changed pending userErrors { code path message }`;
interface Payload {
  readonly job: Readonly<Record<string, unknown>> | null;
  readonly changed: boolean;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const act = (field: string, type: string, input: object): Promise<Payload> =>
  suite.gateway.get(`mutation ($input: ${type}!) { ${field}(input: $input) { ${PAYLOAD} } }`, {
    input: { project: 'demo', ...input },
  });
const apply = (name: string, spec: unknown, more = {}): Promise<Payload> =>
  act('applyJob', 'ApplyJobInput', { name, spec, ...more });
const rollback = (name: string, toVersion: number, more = {}): Promise<Payload> =>
  act('rollbackJob', 'RollbackJobInput', { name, toVersion, ...more });
const remove = (name: string, more = {}): Promise<Payload> =>
  act('deleteJob', 'JobActionInput', { name, ...more });
const shell = (command: string): Record<string, unknown> => ({ kind: 'shell', command });

interface Submitted {
  readonly run: { readonly id: string; readonly project: { readonly id: string } } | null;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}
const submit = (job: string, more = {}): Promise<Submitted> =>
  suite.gateway.get(
    `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { id project { id } } userErrors { code path } } }`,
    { input: { project: 'demo', job, ...more } },
  );
async function finish({ run }: Submitted): Promise<string> {
  if (run === null) throw new Error('it was refused');
  const { id, project } = run;
  const partition = partitionOf(id, PARTITIONS);
  await suite.owner.finish({ id, project: project.id, partition }, 'SUCCEEDED', 'SUCCEEDED');
  return id;
}
const codes = ({ userErrors }: Pick<Payload, 'userErrors'>): string[] =>
  userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);

describe('rollbackJob', () => {
  it('R35: a run on v3 ends on v3 although v4 was saved; rollback to v3 makes v5', async () => {
    const name = freshName('job');
    for (const command of ['one', 'two', 'three']) await apply(name, shell(command));
    const started = await submit(name);
    await apply(name, shell('four'));
    const id = await finish(started);
    const { job, changed, userErrors } = await rollback(name, 3);
    expect({ changed, userErrors }).toEqual({ changed: true, userErrors: [] });
    expect(job).toMatchObject({ name, version: 5, spec: shell('three') });
    const versions = job?.['versions'] as
      | { nodes: { version: number; spec: unknown }[] }
      | undefined;
    expect(versions?.nodes.map(({ version, spec }) => [version, spec])).toEqual([
      [5, shell('three')],
      [4, shell('four')],
      [3, shell('three')],
      [2, shell('two')],
      [1, shell('one')],
    ]);
    const read = 'query ($id: ID!) { run(id: $id) { state jobVersion job { version } } }';
    expect(await suite.gateway.get(read, { id })).toEqual({
      state: 'SUCCEEDED',
      jobVersion: 3,
      job: { version: 5 },
    });
    const next = await finish(await submit(name));
    expect(await suite.gateway.get(read, { id: next })).toMatchObject({ jobVersion: 5 });
  });

  it('to what it is already changes nothing, whichever version said it', async () => {
    const name = freshName('job');
    for (const command of ['a', 'b', 'a']) await apply(name, shell(command));
    for (const version of [3, 1]) {
      const { job, changed, userErrors } = await rollback(name, version);
      expect({ changed, userErrors }).toEqual({ changed: false, userErrors: [] });
      expect(job).toMatchObject({ version: 3, spec: shell('a') });
    }
  });

  it('names what does not exist', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    for (const version of [2, 0, -1]) {
      expect(codes(await rollback(name, version))).toEqual(['NOT_FOUND toVersion']);
    }
    for (const none of [freshName('none'), '', 'a\0b', 'no/name']) {
      expect(codes(await rollback(none, 1))).toEqual(['NOT_FOUND name']);
    }
    expect(codes(await rollback(name, 1, { project: 'nowhere' }))).toEqual(['NOT_FOUND project']);
    expect(codes(await rollback('half\ud800', 1))).toEqual(['INVALID_STRING name']);
  });

  it('many at once each count on from the other', async () => {
    const name = freshName('job');
    for (const command of ['a', 'b']) await apply(name, shell(command));
    const all = await Promise.all([1, 2, 1, 2].map((version) => rollback(name, version)));
    const made = all.filter(({ changed }) => changed).map(({ job }) => Number(job?.['version']));
    expect(made.sort((a, b) => a - b)).toEqual(made.map((_, i) => i + 3));
  });
});

describe('pauseJob and resumeJob', () => {
  const hold = (field: 'pauseJob' | 'resumeJob', name: string, more = {}): Promise<Payload> =>
    suite.gateway.get(
      `mutation ($input: JobActionInput!) { ${field}(input: $input) {
        job { name paused pausedBy pausedReason } changed pending
        userErrors { code path message } } }`,
      { input: { project: 'demo', name, ...more } },
    );
  const answered = <T>(asked: Promise<T>): Promise<T> =>
    suite.owner.answering([0, ...OTHERS], asked);

  it('tells every partition, and says who has paused it and why', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    const asked = hold('pauseJob', name, { reason: 'the disk is full' });
    for (const partition of [0, ...OTHERS]) {
      await vi.waitFor(async () => {
        expect(await suite.owner.answer(partition, { ok: true, state: null })).toBe(1);
      });
    }
    expect(await asked).toMatchObject({
      job: { name, paused: true, pausedReason: 'the disk is full' },
      changed: true,
      pending: false,
      userErrors: [],
    });
    // A second time nothing changes; whether all go by it is asked of them anew.
    const again = await answered(hold('pauseJob', name, { reason: 'another' }));
    expect(again).toMatchObject({ changed: false, pending: false });
    expect(again.job).toMatchObject({ paused: true, pausedReason: 'the disk is full' });
    const resumed = await answered(hold('resumeJob', name));
    expect(resumed).toMatchObject({ changed: true, pending: false });
    expect(resumed.job).toMatchObject({ paused: false, pausedBy: null, pausedReason: null });
  });

  it('is pending while a partition has not said that it goes by it', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    // They wait for partition 0 side by side.
    const both = Promise.all([hold('pauseJob', name), hold('pauseJob', name)]);
    const said = await suite.owner.answering(OTHERS, both);
    expect(said.filter(({ changed }) => changed)).toHaveLength(1);
    for (const each of said) expect(each).toMatchObject({ pending: true, job: { paused: true } });
    expect(await suite.owner.answer(0, { ok: true, state: null })).toBe(2);
  }, 20_000);

  it('a paused job that was deleted can be resumed: its runs are held still', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    await answered(hold('pauseJob', name));
    await remove(name);
    const resumed = await answered(hold('resumeJob', name));
    expect(resumed).toMatchObject({ job: { name, paused: false }, changed: true });
    expect(codes(await hold('resumeJob', name))).toEqual(['NOT_FOUND name']);
  });

  it('knows no job that is deleted or was never there, and no reason without end', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    await remove(name);
    expect(codes(await hold('pauseJob', name))).toEqual(['NOT_FOUND name']);
    expect(codes(await hold('resumeJob', freshName('job')))).toEqual(['NOT_FOUND name']);
    const long = { reason: 'x'.repeat(1_001) };
    expect(codes(await hold('pauseJob', name, long))).toEqual(['INVALID_VALUE reason']);
  });
});

describe('deleteJob', () => {
  it('refuses new submissions; its runs go on and show it', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    const live = await submit(name);
    const deleted = await remove(name, { reason: 'no longer needed' });
    expect(deleted).toMatchObject({ changed: true, userErrors: [], job: { name, version: 1 } });
    expect(deleted.job?.['deletedAt']).not.toBeNull();
    for (const more of [{}, { jobVersion: 1 }]) {
      const refused = await submit(name, more);
      expect([refused.run, codes(refused)]).toEqual([null, ['NOT_FOUND job']]);
    }
    const id = await finish(live);
    const read = 'query ($id: ID!) { run(id: $id) { state job { name deletedAt spec } } }';
    expect(await suite.gateway.get(read, { id })).toEqual({
      state: 'SUCCEEDED',
      job: { name, deletedAt: deleted.job?.['deletedAt'], spec: shell('a') },
    });
    const byName = `query ($filter: RunFilter) { runs(project: "demo", filter: $filter) {
      nodes { id } } }`;
    expect(await suite.gateway.get(byName, { filter: { jobs: [name] } })).toEqual({
      nodes: [{ id }],
    });
  });

  it('takes it out of every list, and a second time there is no such job', async () => {
    const name = freshName('job');
    await apply(name, shell('a'));
    await remove(name);
    expect(
      await suite.gateway.get('query ($n: String!) { job(project: "demo", name: $n) { id } }', {
        n: name,
      }),
    ).toBeNull();
    const list = `query ($n: [String!]) { jobs(project: "demo", filter: { names: $n }) {
      nodes { id } } }`;
    expect(await suite.gateway.get(list, { n: [name, 'a\0b'] })).toEqual({ nodes: [] });
    // A text that PostgreSQL takes not at all is a job that does not exist.
    expect(codes(await submit('a\0b'))).toEqual(['NOT_FOUND job']);
    expect(codes(await remove(name))).toEqual(['NOT_FOUND name']);
    expect(codes(await rollback(name, 1))).toEqual(['NOT_FOUND name']);
    expect(codes(await remove(name, { project: 'nowhere' }))).toEqual(['NOT_FOUND project']);
    const long = { reason: 'x'.repeat(1_001) };
    expect(codes(await remove(name, long))).toEqual(['INVALID_VALUE reason']);
  });

  it.each([shell('a'), shell('b')])('applied again as %j it is the old job, on', async (spec) => {
    const name = freshName('job');
    await apply(name, shell('a'));
    const id = await finish(await submit(name));
    await remove(name);
    expect(codes(await apply(name, spec, { expectedVersion: 1 }))).toEqual([
      'VERSION_CONFLICT expectedVersion',
    ]);
    const { job, changed } = await apply(name, spec, { expectedVersion: 0 });
    expect(changed).toBe(true);
    expect(job).toMatchObject({ version: 2, deletedAt: null, spec });
    const read = 'query ($id: ID!) { run(id: $id) { jobVersion job { version deletedAt } } }';
    expect(await suite.gateway.get(read, { id })).toEqual({
      jobVersion: 1,
      job: { version: 2, deletedAt: null },
    });
    expect((await submit(name)).userErrors).toEqual([]);
  });
});
