import { describe, expect, it } from 'vitest';
import { freshName } from '../../testkit/gateway.js';
import type { TestRun } from '../../testkit/owner.js';
import { GatewaySuite } from '../../testkit/suite.js';
import { LabelledRuns, codesOf } from './testkit/labelled-runs.js';

const suite = new GatewaySuite();

describe('a dead letter that is retried', () => {
  it('is none any more: a second press finds nothing; the retry is one when it dies', async () => {
    const world = new LabelledRuns(suite);
    const old = [await world.dead(), await world.dead(), await world.dead()];
    const ids = old.map(({ id }) => id);
    expect(await world.letters()).toEqual(ids);
    expect(await world.bulk('RETRY')).toMatchObject({ matched: 3, applied: 3 });
    expect(await world.letters()).toEqual([]);
    for (const action of ['RETRY', 'DISCARD']) {
      expect(await world.bulk(action)).toMatchObject({ matched: 0, applied: 0 });
    }
    expect(await world.list({ retried: true })).toEqual(ids);
    const made = (await Promise.all(old.map((run) => world.retriesOf(run)))).flat();
    expect(await world.list({ retried: false })).toEqual(made.toSorted());
    for (const run of await world.runs(made)) await world.dies(run);
    expect(await world.letters()).toEqual(made.toSorted());
    expect(await world.bulk('RETRY')).toMatchObject({ matched: 3, applied: 3 });
    for (const run of old) expect(await world.retriesOf(run)).toHaveLength(1);
    // Who asks for what was retried may do it once more; there is nothing to discard.
    const again = { states: ['DEAD'], retried: true, ids };
    expect(await world.bulk('RETRY', {}, again)).toMatchObject({ matched: 3, applied: 3 });
    for (const run of old) expect(await world.retriesOf(run)).toHaveLength(2);
    expect(codesOf((await world.bulk('DISCARD', {}, again)).userErrors)).toEqual([
      'INVALID_INPUT filter.retried',
    ]);
  });

  it('by hand as well, as often as somebody likes; its run names all of them', async () => {
    const world = new LabelledRuns(suite);
    const run = await world.dead();
    const first = world.runOf(await world.retry({ id: run.id }));
    expect(await world.letters()).toEqual([]);
    const second = world.runOf(await world.retry({ id: run.id }));
    expect(await world.retriesOf(run)).toEqual([second.id, first.id]);
    // Who retries hears in the same answer what was made before.
    const { run: third } = await suite.gateway.get<{
      run: { id: string; retryOf: { retries: { id: string }[] } };
    }>(
      `mutation ($id: ID!) { retryRun(input: { id: $id }) {
        run { id retryOf { retries { id } } } } }`,
      { id: run.id },
    );
    expect(third.retryOf.retries.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
    expect(await world.bulk('RETRY')).toMatchObject({ matched: 0 });
  });

  it('and so is what is marked by hand; a clone is nothing of the kind', async () => {
    const world = new LabelledRuns(suite);
    const [marked, cloned] = [await world.dead(), await world.dead()];
    const mark = { id: marked.id, as: 'SUCCEEDED', reason: 'done by hand' };
    await world.ask('markRun', 'MarkRunInput', mark);
    await world.ask('cloneRun', 'CloneRunInput', { id: cloned.id });
    expect(await world.letters()).toEqual([cloned.id]);
    expect(await world.retriesOf(cloned)).toEqual([]);
    expect(await world.retriesOf(marked)).toHaveLength(1);
  });

  it('once more with its key changes nothing', async () => {
    const world = new LabelledRuns(suite);
    const run = await world.dead();
    const input = { id: run.id, idempotencyKey: freshName('k') };
    const { id } = world.runOf(await world.retry(input));
    expect(world.runOf(await world.retry(input)).id).toBe(id);
    expect(await world.retriesOf(run)).toEqual([id]);
  });

  it('stays one while another run holds its dedup key: nothing of it was made', async () => {
    const world = new LabelledRuns(suite);
    const dedupKey = freshName('d');
    const run = await world.submit({ dedupKey });
    const { rows } = await suite.database.admin.query<{ dedup: string }>(
      'select dedup from live where id = $1',
      [run.id],
    );
    const [{ dedup } = { dedup: null }] = rows;
    const keys = { dedup, cache: null, expires: 0 };
    await suite.owner.finish(run, 'DEAD', 'FAILED', {}, keys);
    const holder = await world.submit({ dedupKey });
    expect(codesOf((await world.retry({ id: run.id })).userErrors)).toEqual(['DEDUP_KEY_HELD id']);
    expect(await world.bulk('RETRY')).toMatchObject({ matched: 1, applied: 0 });
    expect(await world.letters()).toEqual([run.id]);
    expect(await world.retriesOf(run)).toEqual([]);
    await suite.owner.finish(holder, 'SUCCEEDED', 'SUCCEEDED', {}, keys);
    expect(await world.bulk('RETRY')).toMatchObject({ matched: 1, applied: 1 });
    expect(await world.letters()).toEqual([]);
  });

  it('by five presses at once, and discarded in between, has one retry or a discard', async () => {
    const world = new LabelledRuns(suite);
    const letters: TestRun[] = [];
    for (let i = 0; i < 120; i++) letters.push(await world.dead());
    const presses = Array.from({ length: 5 }, async () => await world.bulk('RETRY'));
    const some = letters.filter((_, i) => i % 3 === 0).toReversed();
    const discards = some.map(async (run) => {
      await suite.owner.discard(run, 'ana', 'known');
    });
    const answers = await Promise.all(presses);
    await Promise.all(discards);
    const sum = answers.reduce((all, { applied }) => all + applied, 0);
    const retried = await world.list({ retried: true, states: ['DEAD'] });
    const discarded = await world.list({ discarded: true });
    expect(sum).toBe(retried.length);
    expect([...retried, ...discarded].toSorted()).toEqual(letters.map(({ id }) => id));
    const { rows } = await suite.database.admin.query<{ n: number }>(
      'select count(*)::int as n from live where retry_of = any ($1)',
      [letters.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ n: retried.length }]);
    expect(await world.letters()).toEqual([]);
  }, 30_000);
});
