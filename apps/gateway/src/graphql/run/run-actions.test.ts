import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunRow, findRuns } from '#postgres';
import { GatewaySuite } from '../../testkit/suite.js';

const suite = new GatewaySuite();
beforeAll(async () => {
  const spec = {
    kind: 'shell',
    command: 'true',
    params: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } },
  };
  await suite.gateway.get(
    `mutation ($spec: JSON!) { applyJob(input: {
    project: "demo", name: "checked", spec: $spec }) { userErrors { message } } }`,
    { spec },
  );
});

async function rowOf(run: { readonly id: string; readonly project: { readonly id: string } }) {
  const [row] = await findRuns(suite.gateway.reader, [run.project.id], [run.id]);
  if (row === undefined) throw new Error(`run ${run.id} was not written`);
  return row;
}
async function submit(more: Record<string, unknown> = {}): Promise<RunRow> {
  const { run } = await suite.gateway.get<{ run: { id: string; project: { id: string } } }>(
    `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
      run { id project { id } } userErrors { code message } } }`,
    { input: { project: 'demo', job: 'noop', ...more } },
  );
  return await rowOf(run);
}

interface Answer {
  readonly run: {
    readonly id: string;
    readonly state: string;
    readonly project: { readonly id: string };
  } | null;
  readonly userErrors: readonly {
    readonly code: string;
    readonly path: readonly string[];
    readonly hint: string | null;
  }[];
}
const act = async (mutation: string, type: string, input: object): Promise<Answer> =>
  await suite.gateway.get(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) {
      run { id state priority params retryOf { id } labels project { id } }
      userErrors { code path message hint } } }`,
    { input },
  );
const retry = (input: object): Promise<Answer> => act('retryRun', 'RetryRunInput', input);
const clone = (input: object): Promise<Answer> => act('cloneRun', 'CloneRunInput', input);
const update = (input: object): Promise<Answer> => act('updateRun', 'UpdateRunInput', input);
const mark = (input: object): Promise<Answer> => act('markRun', 'MarkRunInput', input);
const codes = (answer: Answer): string[] =>
  answer.userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);

describe('retryRun', () => {
  it('R42: with changed params makes a run linked by retryOf, the old one unchanged', async () => {
    const old = await submit({
      job: 'checked',
      params: { city: 'Bern' },
      labels: { team: 'x' },
      priority: 3,
      startDeadline: '90s',
    });
    await suite.owner.finish(old, 'DEAD', 'FAILED');
    const before = await rowOf({ id: old.id, project: { id: old.project } });
    const made = await retry({ id: old.id, params: { city: 'Basel' }, pool: 'big', timeout: '5s' });
    expect(made).toMatchObject({
      run: {
        priority: 3,
        params: { city: 'Basel' },
        retryOf: { id: old.id },
        labels: { team: 'x' },
      },
      userErrors: [],
    });
    if (made.run === null) throw new Error('no run was made');
    const row = await rowOf(made.run);
    expect(row).toMatchObject({ pool: 'big', job: old.job, jobVersion: 1 });
    expect((row.expires ?? 0) - row.submittedAt).toBe(90_000);
    const { rows } = await suite.database.admin.query(
      `select convert_from(policy, 'UTF8')::json ->> 'timeoutMs' as timeout
        from specification where hash = $1`,
      [row.spec],
    );
    expect(rows).toEqual([{ timeout: '5000' }]);
    expect(row.spec).not.toBe(old.spec);
    const after = await rowOf({ id: old.id, project: { id: old.project } });
    expect(after).toEqual({ ...before, retries: [row.id] });
  });

  it('says who has asked for it and why, until its owner tells it by an event', async () => {
    const old = await submit();
    await suite.owner.finish(old, 'DEAD', 'FAILED');
    const { run } = await retry({ id: old.id, reason: 'the disk has room again' });
    if (run === null) throw new Error('it was refused');
    const { record } = await rowOf(run);
    expect(JSON.parse(record ?? '')).toMatchObject({
      asked: { by: expect.stringMatching(/^key:/), reason: 'the disk has room again' },
    });
  });

  it('without changes is as the old one was; a repeat with its key is the same run', async () => {
    const old = await submit({ params: { n: 1 } });
    await suite.owner.finish(old, 'CANCELLED', 'CANCELLED');
    const input = { id: old.id, idempotencyKey: 'again' };
    const first = await retry(input);
    expect(first.run).toMatchObject({ params: { n: 1 }, retryOf: { id: old.id } });
    expect((await retry(input)).run?.id).toBe(first.run?.id);
    expect(codes(await retry({ ...input, priority: 1 }))).toEqual([
      'IDEMPOTENCY_CONFLICT idempotencyKey',
    ]);
  });

  it('has the start deadline that was submitted, also when the whole one is left', async () => {
    const old = await submit({ startDeadline: '90s' });
    const record = JSON.stringify({ attempts: [], seqs: [1], startDeadlineMs: 7_000 });
    await suite.owner.finish(old, 'DEAD', 'FAILED', { record });
    const { run } = await retry({ id: old.id });
    if (run === null) throw new Error('no run was made');
    const row = await rowOf(run);
    expect((row.expires ?? 0) - row.submittedAt).toBe(7_000);
  });

  it('is refused for what goes on or succeeded, what is not there, and by the schema', async () => {
    const live = await submit();
    expect(codes(await retry({ id: live.id }))).toEqual(['RUN_NOT_FINAL id']);
    await suite.owner.finish(live, 'SUCCEEDED', 'SUCCEEDED');
    expect(codes(await retry({ id: live.id }))).toEqual(['RUN_SUCCEEDED id']);
    const nobody = '01900000-0000-7000-8000-000000000000';
    expect(codes(await retry({ id: nobody }))).toEqual(['NOT_FOUND id']);
    const dead = await submit({ job: 'checked', params: { city: 'Bern' } });
    await suite.owner.finish(dead, 'DEAD', 'FAILED');
    const wrong = { id: dead.id, params: {}, priority: 11, pool: 'no pool', timeout: '0s' };
    expect(codes(await retry(wrong)).sort()).toEqual([
      'INVALID_DURATION timeout',
      'INVALID_PARAMS params.city',
      'INVALID_VALUE pool',
      'INVALID_VALUE priority',
    ]);
  });
});

describe('cloneRun', () => {
  it('makes a run like one of any state, with what is new', async () => {
    const old = await submit({ params: { n: 1 }, labels: { team: 'x' } });
    const made = await clone({ id: old.id, labels: { team: 'y' }, after: '1h' });
    expect(made).toMatchObject({
      run: { state: 'SCHEDULED', params: { n: 1 }, labels: { team: 'y' }, retryOf: null },
      userErrors: [],
    });
    if (made.run === null) throw new Error('no run was made');
    const row = await rowOf(made.run);
    expect((row.due ?? 0) - row.submittedAt).toBe(3_600_000);
  });
});

describe('commands', () => {
  it('update: typed errors with their paths, and nothing written', async () => {
    const run = await submit({ job: 'checked', params: { city: 'Bern' } });
    expect(codes(await update({ id: run.id }))).toEqual(['REQUIRED ']);
    const at = '2026-01-01T00:00:00.000Z';
    const wrong = { id: run.id, priority: 0, params: { city: 1 }, labels: { ' ': 'x' }, at };
    expect(codes(await update({ ...wrong, after: '1s' })).sort()).toEqual([
      'INVALID_INPUT after',
      'INVALID_LABELS labels. ',
      'INVALID_PARAMS params.city',
      'INVALID_VALUE priority',
    ]);
    expect(await suite.owner.answer(run.partition, { ok: true, state: 'READY' })).toBe(0);
  });

  it('mark: only as SUCCEEDED or SKIPPED, with a reason; a result only of a success', async () => {
    const run = await submit();
    expect(codes(await mark({ id: run.id, as: 'DEAD', reason: 'x' }))).toEqual([
      'INVALID_VALUE as',
    ]);
    const skipped = { id: run.id, as: 'SKIPPED', result: 1, reason: ' ' };
    expect(codes(await mark(skipped))).toEqual(['INVALID_INPUT result', 'REQUIRED reason']);
  });

  it('what the owner refuses is said in words', async () => {
    for (const [code, state, at = 'id', how = 'HOLD', hint = ''] of [
      ['RUN_STARTED', 'RUNNING', 'id', 'HOLD', 'Cancel it, or stop a shell job in place: `how: F'],
      ['RUN_NOT_PAUSED', 'READY'],
      ['RUN_FINAL', 'DEAD', 'id', 'HOLD', 'To run it again: retryRun or cloneRun.'],
      ['RUN_FINAL', 'SUCCEEDED', 'id', 'HOLD', 'To run it again: cloneRun.'],
      ['RUN_NOT_RUNNING', 'READY', 'id', 'FREEZE', '`how: HOLD`'],
      ['CANNOT_FREEZE', 'RUNNING', 'how', 'FREEZE', 'Cancel it, or wait for its end.'],
      ['SET_ASIDE', 'READY'],
    ] as const) {
      const run = await submit();
      const asked = act('pauseRun', 'PauseRunInput', { id: run.id, how });
      const one = async (): Promise<void> => {
        expect(await suite.owner.answer(run.partition, { ok: false, code, state })).toBe(1);
      };
      await vi.waitFor(one, { timeout: 4_000, interval: 5 });
      expect(codes(await asked)).toEqual([`${code} ${at}`]);
      expect((await asked).userErrors[0]?.hint ?? '').toContain(hint);
    }
  });

  it('a paused run says who paused it and why', async () => {
    const run = await submit();
    const paused = { from: 'READY', by: 'ada', reason: 'month end', at: 1 };
    const record = JSON.stringify({ attempts: [], seqs: [1], paused });
    await suite.owner.move(run, 'PAUSED', { record });
    const read = `query ($id: ID!) { run(id: $id) { reason waitingFor { kind text hint name } } }`;
    expect(await suite.gateway.get(read, { id: run.id })).toMatchObject({
      reason: 'month end',
      waitingFor: [{ kind: 'PAUSED', text: 'It was paused by ada: month end.', name: 'ada' }],
    });
  });

  it('how it is paused is what the owner is asked for; nothing can be suspended', async () => {
    for (const [how, kind] of [
      [undefined, 'pause'],
      ['HOLD', 'pause'],
      ['FREEZE', 'freeze'],
    ] as const) {
      const run = await submit();
      const asked = act('pauseRun', 'PauseRunInput', { id: run.id, how, reason: 'enough' });
      const written = async (): Promise<void> => {
        const { rows } = await suite.database.admin.query(
          `select convert_from(payload, 'UTF8')::json ->> 'kind' as kind
            from inbox where ref = $1 and kind = 1`,
          [run.id],
        );
        expect(rows).toEqual([{ kind }]);
      };
      await vi.waitFor(written, { timeout: 4_000, interval: 5 });
      await suite.owner.answer(run.partition, { ok: true, state: 'RUNNING' });
      expect(codes(await asked)).toEqual([]);
    }
    const run = await submit();
    const refused = await act('pauseRun', 'PauseRunInput', { id: run.id, how: 'SUSPEND' });
    expect(codes(refused)).toEqual(['CANNOT_SUSPEND how']);
    expect(await suite.owner.answer(run.partition, { ok: true, state: 'READY' })).toBe(0);
  });
});
