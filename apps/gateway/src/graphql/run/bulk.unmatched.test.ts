import { describe, expect, it } from 'vitest';
import { freshName } from '../../testkit/gateway.js';
import { GatewaySuite } from '../../testkit/suite.js';
import { LabelledRuns, type Payload, codesOf } from './testkit/labelled-runs.js';

const suite = new GatewaySuite();
const NOWHERE = '019aa000-0000-7000-8000-000000000000';
/** Nothing is done to it, and its asker is told why. */
const refusedFor = ({ matched, userErrors, ...more }: Payload): string[] => {
  expect(more).toMatchObject({ id: null, applied: 0, unmatched: [] });
  expect(matched).toBe(0);
  return codesOf(userErrors);
};

describe('bulkRuns of runs by their ids', () => {
  it('says of each that is left out why, and does the rest', async () => {
    const world = new LabelledRuns(suite);
    const [letter, waits, old] = [await world.dead(), await world.submit(), await world.dead()];
    const [again] = (await world.retry({ id: old.id })).run === null ? [] : [old];
    const ids = [NOWHERE, letter.id, 'nonsense', waits.id, again?.id];
    const filter = { ids, labels: null };
    const dry = await world.bulk('RETRY', { dryRun: true }, filter);
    const left = [
      'NOT_FOUND filter.ids.0',
      'NOT_FOUND filter.ids.2',
      'RUN_NOT_FINAL filter.ids.3',
      'RUN_RETRIED filter.ids.4',
    ];
    expect(codesOf(dry.unmatched)).toEqual(left);
    expect(dry).toMatchObject({ id: null, matched: 1, userErrors: [] });
    const done = await world.bulk('RETRY', {}, filter);
    expect(done).toMatchObject({ matched: 1, applied: 1, userErrors: [] });
    expect(codesOf(done.unmatched)).toEqual(left);
    expect(done.unmatched.at(-1)?.message).toContain((await world.retriesOf(old))[0]);
    // The same once more: now there is nothing left to do, so that is what it is refused for.
    expect(refusedFor(await world.bulk('RETRY', {}, filter))).toEqual([
      ...[left[0], 'RUN_RETRIED filter.ids.1'],
      ...left.slice(1),
    ]);
  });

  it('names what is no dead letter, as `orrery dead retry --id` asks', async () => {
    const world = new LabelledRuns(suite);
    const [waits, gone, over] = [await world.submit(), await world.dead(), await world.submit()];
    await suite.owner.finish(over, 'CANCELLED', 'CANCELLED');
    await suite.owner.discard(gone, 'ana', 'a known fault');
    const one = async (action: string, id: string): Promise<string[]> =>
      refusedFor(await world.bulk(action, {}, { ids: [id], states: ['DEAD'] }));
    for (const action of ['RETRY', 'DISCARD']) {
      expect(await one(action, NOWHERE)).toEqual(['NOT_FOUND filter.ids.0']);
      expect(await one(action, waits.id)).toEqual(['RUN_NOT_DEAD filter.ids.0']);
      expect(await one(action, over.id)).toEqual(['RUN_NOT_DEAD filter.ids.0']);
      expect(await one(action, gone.id)).toEqual(['RUN_DISCARDED filter.ids.0']);
    }
  });

  it('of every other action as well, in the words of its own', async () => {
    const world = new LabelledRuns(suite);
    const [waits, dead, runs] = [await world.submit(), await world.dead(), await world.submit()];
    const over = await world.submit();
    await suite.owner.finish(over, 'SUCCEEDED', 'SUCCEEDED');
    await suite.owner.move(runs, 'RUNNING');
    const held = await world.submit();
    await suite.owner.move(held, 'PAUSED');
    for (const [action, { id }, code, more = {}, filter = {}] of [
      ['CANCEL', dead, 'RUN_FINAL'],
      ['PAUSE', runs, 'RUN_STARTED'],
      ['PAUSE', held, 'RUN_PAUSED'],
      ['RESUME', waits, 'RUN_NOT_PAUSED'],
      ['RESUME', runs, 'RUN_NOT_PAUSED'],
      ['RETRY', over, 'RUN_SUCCEEDED'],
      ['REPRIORITIZE', runs, 'RUN_STARTED', { priority: 1 }],
      ['CANCEL', waits, 'RUN_NOT_MATCHED', {}, { states: ['RUNNING'] }],
      ['CANCEL', waits, 'RUN_NOT_MATCHED', {}, { labels: { world: 'another' } }],
    ] as const) {
      const answer = await world.bulk(action, more, { ids: [id], ...filter });
      expect([action, refusedFor(answer)]).toEqual([action, [`${code} filter.ids.0`]]);
    }
  });

  it('does not tell what belongs to another project from what is nowhere', async () => {
    const world = new LabelledRuns(suite);
    const name = freshName('other');
    await suite.gateway.get(
      `mutation { createProject(input: { name: "${name}" }) { userErrors { code } } }`,
    );
    const { id } = await world.dead();
    const answer = async (run: string): Promise<Payload> =>
      await world.bulk('RETRY', { project: name }, { ids: [run], labels: null });
    const [there, nowhere] = [await answer(id), await answer(NOWHERE)];
    expect(refusedFor(there)).toEqual(['NOT_FOUND filter.ids.0']);
    expect(there.userErrors[0]?.message.replace(id, NOWHERE)).toBe(nowhere.userErrors[0]?.message);
  });
});

describe('a filter for a job', () => {
  const RUNS = `query ($filter: RunFilter) {
    runs(project: "demo", filter: $filter) { nodes { id } } }`;

  it('that no job is called is an error, with the place of the name', async () => {
    const filter = { jobs: ['noop', 'misspelt'] };
    const { errors } = await suite.gateway.ask(RUNS, { filter });
    expect(errors).toMatchObject([
      { extensions: { code: 'NOT_FOUND', path: ['filter', 'jobs', '1'] } },
    ]);
    expect(errors?.[0]?.message).toContain('Job "misspelt"');
    const world = new LabelledRuns(suite);
    const bulk = await world.bulk('RETRY', {}, filter);
    expect(refusedFor(bulk)).toEqual(['NOT_FOUND filter.jobs.1']);
  });

  it('that was deleted still finds its runs', async () => {
    const world = new LabelledRuns(suite);
    const name = freshName('gone');
    const spec = { kind: 'function', name: 'noop' };
    await suite.gateway.get(
      `mutation ($spec: JSON!) { applyJob(input: {
        project: "demo", name: "${name}", spec: $spec }) { userErrors { message } } }`,
      { spec },
    );
    const { id } = await world.dead({ job: name });
    await suite.gateway.get(
      `mutation { deleteJob(input: { project: "demo", name: "${name}" }) {
        userErrors { message } } }`,
    );
    expect(await suite.gateway.get(RUNS, { filter: { jobs: [name] } })).toEqual({
      nodes: [{ id }],
    });
    expect(await world.bulk('RETRY', {}, { jobs: [name] })).toMatchObject({ matched: 1 });
  });
});
