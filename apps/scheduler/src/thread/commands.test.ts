import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import { type Token, partitionOf } from '#core';
import { type Up, encodeHint } from '#protocol';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

let database: TestDatabase;
let rig: ThreadRig;
let watch: Watch;

beforeAll(async () => {
  database = await startTestDatabase(8);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rig = new ThreadRig(database.url, database.life);
  rig.start();
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

/** A run that its executor has begun. */
async function running(): Promise<Token> {
  await watch.executorReady(rig, database.life);
  await rig.submit(1);
  await until(() => rig.tokens().length === 1, BOUND_MS);
  const [token] = rig.tokens() as [Token];
  rig.up('x1', rig.startedOf(token));
  await watch.becomes(token.run, 'RUNNING');
  return token;
}

describe('what a person does to a waiting run', () => {
  test('paused it is not granted, changed it runs as it is then, with its new params', async () => {
    const [run = ''] = await rig.submit(1, { params: '{"a":1}' });
    await watch.becomes(run, 'READY');
    const paused = await rig.command(run, { kind: 'pause' });
    expect(await watch.answerOf(paused)).toEqual({ ok: true, state: 'PAUSED' });
    await watch.executorReady(rig, database.life);
    const change = { priority: 1, params: '{"a":2}', labels: '{"by":"hand"}' };
    const updated = await rig.command(run, { kind: 'update', change });
    expect(await watch.answerOf(updated)).toEqual({ ok: true, state: 'PAUSED' });
    expect(await watch.count('live', `priority = 1 and labels = '{"by":"hand"}'`)).toBe(1);
    expect(rig.tokens()).toEqual([]);
    const resumed = await rig.command(run, { kind: 'resume' });
    expect(await watch.answerOf(resumed)).toMatchObject({ ok: true });
    await until(() => rig.tokens().length === 1, BOUND_MS);
    expect(rig.downOf('assign')[0]?.work.params).toBe('{"a":2}');
    const types = (await watch.events(run)).map((event) => event.type);
    const first = ['SUBMITTED', 'PAUSED', 'CHANGED', 'RESUMED', 'GRANTED'];
    expect(types.slice(0, 5)).toEqual(first);
  });

  test('marked it is final, with the result that was given', async () => {
    const [run = ''] = await rig.submit(1);
    const mark = { kind: 'mark', as: 'SUCCEEDED', result: '"mine"' } as const;
    expect(await watch.answerOf(await rig.command(run, mark))).toMatchObject({ ok: true });
    expect(await watch.count('history', `result = '"mine"' and outcome = 0`)).toBe(1);
  });
});

test('a dead letter is discarded once, by its first reason', async () => {
  const { run } = await running().then(async (token) => {
    rig.up('x1', rig.resultOf(token, null, 'FAILED'));
    await watch.becomes(token.run, 'DEAD');
    return token;
  });
  for (let i = 0; i < 2; i++) {
    const command = await rig.command(run, { kind: 'discard' });
    expect(await watch.answerOf(command)).toEqual({ ok: true, state: 'DEAD' });
  }
  const where = `run = '${run}' and by = 'ada' and reason = 'enough' and drop_at > now()`;
  expect(await watch.count('follow_up', where)).toBe(1);
  expect(await watch.state(run)).toBe('DEAD');
});

describe('a freeze through the inbox', () => {
  const frozeOf = (token: Token, seq: number): Up => {
    return { kind: 'froze', partition: partitionOf(token.run, rig.partitions), token, seq };
  };
  const last = (of: ThreadRig) => of.downOf('freeze').at(-1);

  test('is said until it is confirmed, and stands in the journal; so is the thaw', async () => {
    const token = await running();
    const { run } = token;
    const frozen = await rig.command(run, { kind: 'freeze' });
    expect(await watch.answerOf(frozen)).toEqual({ ok: true, state: 'RUNNING' });
    await until(() => rig.downOf('freeze').length >= 2, BOUND_MS);
    const { seq = 0 } = last(rig) ?? {};
    expect(last(rig)).toMatchObject({ token, on: true });
    rig.up('x1', frozeOf(token, seq));
    const thawed = await rig.command(run, { kind: 'resume' });
    expect(await watch.answerOf(thawed)).toEqual({ ok: true, state: 'RUNNING' });
    await until(() => last(rig)?.on === false, BOUND_MS);
    rig.up('x1', frozeOf(token, last(rig)?.seq ?? 0), rig.resultOf(token));
    await watch.becomes(run, 'SUCCEEDED');
    const events = await watch.events(run);
    const data = { how: 'FREEZE', reason: 'enough' };
    expect(events.find(({ type }) => type === 'PAUSED')).toMatchObject({ seq, actor: 'ada', data });
    expect(events.find(({ type }) => type === 'RESUMED')).toMatchObject({ actor: 'ada', data });
  });

  test('is said anew by the next owner', async () => {
    const token = await running();
    const frozen = await rig.command(token.run, { kind: 'freeze' });
    await watch.answerOf(frozen);
    await until(() => rig.downOf('freeze').length > 0, BOUND_MS);
    rig.up('x1', frozeOf(token, last(rig)?.seq ?? 0));
    rig.kill();
    const next = new ThreadRig(database.url, database.life);
    next.start();
    try {
      await watch.owns(next);
      next.born('x1', 300, token.incarnation, database.life);
      await until(() => last(next) !== undefined, BOUND_MS);
      const { on, seq } = last(rig) ?? {};
      expect(last(next)).toMatchObject({ token, on, seq });
    } finally {
      await next.stop();
    }
  });
});

describe('a cancel through the inbox', () => {
  test('of a waiting run: at once', async () => {
    const [run = ''] = await rig.submit(1);
    await watch.becomes(run, 'READY');
    const command = await rig.cancel(run);
    expect(await watch.answerOf(command)).toEqual({ ok: true, state: 'CANCELLED' });
    expect(await watch.state(run)).toBe('CANCELLED');
    const last = (await watch.events(run)).at(-1);
    expect(last).toMatchObject({ type: 'FINISHED', to: 'CANCELLED', actor: 'ada' });
    expect(await watch.count('inbox')).toBe(0);
  });

  test('of a running run: it is told, and CANCELLED when it says so', async () => {
    const token = await running();
    const command = await rig.cancel(token.run);
    expect(await watch.answerOf(command)).toEqual({ ok: true, state: 'CANCELLING' });
    await until(() => rig.downOf('cancel').length > 0, BOUND_MS);
    expect(rig.downOf('cancel')[0]).toMatchObject({ token, graceMs: 50 });
    rig.up('x1', rig.resultOf(token, null, 'CANCELLED'));
    await watch.becomes(token.run, 'CANCELLED');
    await until(() => rig.downOf('ack').length > 0, BOUND_MS);
  });

  test('of a running run whose executor does not answer: restated', async () => {
    const token = await running();
    await rig.cancel(token.run);
    await until(() => rig.downOf('cancel').length >= 2, BOUND_MS);
    expect(rig.downOf('cancel').every((item) => item.token.seq === token.seq)).toBe(true);
  });

  test('of a final run: it says what the run came to', async () => {
    const token = await running();
    rig.up('x1', rig.resultOf(token));
    await watch.becomes(token.run, 'SUCCEEDED');
    const command = await rig.cancel(token.run);
    const answer = { ok: false, code: 'RUN_FINAL', state: 'SUCCEEDED' };
    expect(await watch.answerOf(command)).toEqual(answer);
    expect(await watch.state(token.run)).toBe('SUCCEEDED');
  });

  test('of a run that never was', async () => {
    await watch.owns(rig);
    const command = await rig.cancel(randomUUID());
    const answer = { ok: false, code: 'NOT_FOUND', state: null };
    expect(await watch.answerOf(command)).toEqual(answer);
  });

  test('that overtakes its submission: each is applied once, a late hint is no news', async () => {
    await watch.owns(rig);
    const run = `ffffffff${randomUUID().slice(8)}`;
    rig.pauseSeconds();
    await rig.submit(1, { id: run, partition: partitionOf(run, 8) });
    // Both stand in the inbox, the command first.
    const command = await rig.cancel(run, `00000000${randomUUID().slice(8)}`);
    expect(await watch.answerOf(command)).toMatchObject({ ok: true, state: 'CANCELLED' });
    rig.tell({ kind: 'soft', items: [hintOf(run), hintOf(run)] });
    const [other = ''] = await rig.submit(1);
    await watch.becomes(other, 'READY');
    expect(await watch.state(run)).toBe('CANCELLED');
    // Its owner's clock may be a little behind the database's: then it was SCHEDULED first.
    const types = (await watch.events(run)).map((event) => event.type);
    const told = types.filter((type) => type !== 'READY');
    expect(told).toEqual(['SUBMITTED', 'CANCEL_REQUESTED', 'FINISHED']);
  });

  function hintOf(run: string) {
    const partition = partitionOf(run, 8);
    const row = encodeHint({
      id: run,
      partition,
      project: rig.project,
      job: null,
      jobVersion: null,
      spec: rig.spec,
      kind: 'SHELL',
      pool: 'default',
      need: 'shell',
      priority: 5,
      due: null,
      expires: null,
      submittedAt: 0,
      dedup: null,
      cache: null,
      params: 'null',
    });
    return { kind: 'submitted', partition, row } as const;
  }
});

describe('time', () => {
  test('R45: what has not started by its start deadline is EXPIRED, not before', async () => {
    const [run = ''] = await rig.submit(1, { startDeadlineMs: 400 });
    await watch.becomes(run, 'READY');
    await watch.becomes(run, 'EXPIRED');
    const { rows } = await database.admin.query(
      'select finished_at >= expires as due from history where id = $1',
      [run],
    );
    expect(rows).toEqual([{ due: true }]);
    // Nobody is given it afterwards.
    await watch.executorReady(rig, database.life);
    await rig.submit(1);
    await until(() => rig.tokens().length === 1, BOUND_MS);
    expect(rig.tokens()[0]?.run).not.toBe(run);
  });

  test('R06: a delayed run fires once and not early, though its owner is replaced', async () => {
    const [run = ''] = await rig.submit(1, { afterMs: 1_200 });
    await watch.becomes(run, 'SCHEDULED');
    rig.kill();
    const next = new ThreadRig(database.url, database.life);
    next.start();
    try {
      await watch.executorReady(next, database.life);
      expect(await watch.state(run)).toBe('SCHEDULED');
      await until(() => next.tokens().length === 1, BOUND_MS);
      next.up('x1', next.resultOf(next.tokens()[0] as Token));
      await watch.becomes(run, 'SUCCEEDED');
    } finally {
      await next.stop();
    }
    const events = await watch.events(run);
    expect(events.filter((event) => event.type === 'SUBMITTED')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'READY')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'GRANTED')).toHaveLength(1);
    const { rows } = await database.admin.query(
      'select ready_at >= due as due from history where id = $1',
      [run],
    );
    expect(rows).toEqual([{ due: true }]);
  });
});
