import { Inject, Injectable } from '@nestjs/common';
import { type Asked, type GivenEnd, type Policy, isFinal, laneOf, partitionOf } from '#core';
import {
  type Installation,
  type KeyClaim,
  type NewRun,
  type NewSpecification,
  type Reader,
  type RetryIf,
  type RunRow,
  findSpecification,
} from '#postgres';
import { NAME_PATTERN } from '#protocol';
import { actorOf } from '../../auth/viewer.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { Ids } from '../../intake/ids.js';
import { readLabels } from '../../specification/labels.js';
import { stored } from '../../specification/resolve.js';
import { INSTALLATION } from '../../tokens.js';
import type { GraphqlContext } from '../driver/context.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import { checkReason } from './commands.service.js';
import type { CloneRunInput, MarkRunInput, RetryRunInput } from './run-actions.inputs.js';
import { RunActionsReader } from './run-actions.reader.js';
import type { SubmitRunPayload } from './run.payloads.js';
import { recordOf, toRun } from './run.view.js';
import { given, readAt, readDuration, readKey, readParams, readRunPriority } from './submission.js';
import { type ReadyRun, refused, settledPayload } from './submit.payload.js';

/** What a new run has of its own; the rest is as in the run that it is made like. */
interface Changes {
  readonly params: string | null;
  readonly labels: string | null;
  readonly priority: number | null;
  readonly pool: string | null;
  readonly timeoutMs: number | null;
  readonly at: number | null;
  readonly afterMs: number | null;
  /** Its end, where nothing of it is to be started. */
  readonly given?: GivenEnd;
  readonly retryIf?: RetryIf;
}
type NewChanges = Changes & Pick<RunRow, 'dedup' | 'cache'> & { readonly asked: Asked };
type Operation = 'retryRun' | 'cloneRun' | 'markRun';
const NONE: Changes = {
  params: null,
  labels: null,
  priority: null,
  pool: null,
  timeoutMs: null,
  at: null,
  afterMs: null,
};
const TIMEOUT_MS_MAX = 30 * 86_400_000;

/** New runs made like others: the old ones stay as they are (semantics 1.2). */
@Injectable()
export class RerunService {
  constructor(
    private readonly actions: RunActionsReader,
    private readonly intake: GroupCommit,
    private readonly ids: Ids,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  async retry(context: GraphqlContext, input: RetryRunInput): Promise<SubmitRunPayload> {
    return await this.again(context, 'retryRun', input, (row, errors) => {
      checkReason(input.reason, errors);
      const refusal = retryRefusal(row);
      if (refusal !== undefined) errors.push(refusal);
      return {
        ...NONE,
        params: readParams(input.params, [], errors),
        priority: readRunPriority(input.priority, [], errors),
        pool: readPool(input.pool, errors),
        timeoutMs: readTimeout(input.timeout, errors),
      };
    });
  }

  /** By hand, of one that is final: a new run stands for what it should have come to (1.2). */
  async mark(context: GraphqlContext, input: MarkRunInput): Promise<SubmitRunPayload> {
    return await this.again(context, 'markRun', input, (row, errors) => {
      checkReason(input.reason, errors);
      const { reason } = input;
      if (row.state === input.as) {
        errors.push(userError('RUN_FINAL', ['as'], `The run is ${row.state} already.`));
      }
      const mark = this.actions.mark(input, errors);
      if (mark === undefined) return NONE;
      const by = actorOf(context.viewer);
      const { as, result } = mark;
      return { ...NONE, given: { as, reason, by, result, reusedFrom: null } };
    });
  }

  async clone(context: GraphqlContext, input: CloneRunInput): Promise<SubmitRunPayload> {
    return await this.again(context, 'cloneRun', input, (_, errors) => {
      const labels = readLabels(input.labels, ['labels'], errors);
      return {
        ...NONE,
        params: readParams(input.params, [], errors),
        labels: given(input.labels) ? JSON.stringify(labels) : null,
        priority: readRunPriority(input.priority, [], errors),
        at: readAt(input, [], errors),
        afterMs: readDuration(input.after, ['after'], errors),
      };
    });
  }

  /** One of many: what it is made of, without a change. */
  async retryItem(
    context: GraphqlContext,
    id: string,
    asked: Asked,
    retryIf: RetryIf,
  ): Promise<ReadyRun | undefined> {
    const row = await context.runs.load(id);
    if (row === undefined) return undefined;
    const { dedup, cache } = row;
    return await this.itemOf(context, row, { ...NONE, dedup, cache, asked, retryIf }, 'retryRun');
  }

  private async again(
    context: GraphqlContext,
    operation: Operation,
    input: RetryRunInput | CloneRunInput | MarkRunInput,
    read: (row: RunRow, errors: UserError[]) => Changes,
  ): Promise<SubmitRunPayload> {
    const errors = findBrokenStrings(input);
    if (errors.length > 0) return refused(errors);
    const row = await context.runs.load(input.id);
    if (row === undefined) return refused([notFoundError(['id'], 'This run')]);
    const key = readKey(row.project, operation, input, [], errors);
    const changes = read(row, errors);
    const keys = await this.keysOf(context, row, changes, errors);
    if (errors.length > 0) return refused(errors);
    const reason = ('reason' in input ? input.reason : null) ?? null;
    const asked = { by: actorOf(context.viewer), reason };
    const item = await this.itemOf(context, row, { ...changes, ...keys, asked }, operation, key);
    const [written] = await this.intake.submit([item]);
    if (written?.kind === 'folded' && operation !== 'cloneRun') {
      const message = `Run ${written.ref} holds the dedup key of this one.`;
      const hint = 'Wait for its end, or cancel it.';
      return refused([userError('DEDUP_KEY_HELD', ['id'], message, hint)]);
    }
    const isCommand =
      operation === 'markRun' &&
      written?.kind === 'replayed' &&
      (await context.runs.load(written.ref)) === undefined;
    // The key stands for a mark of the run itself, from when it was not final.
    if (isCommand) return { run: toRun(row), replayed: true, userErrors: [] };
    return await settledPayload(context, item, written);
  }

  /** What is not started holds nothing, and other params make other keys. */
  private async keysOf(
    context: GraphqlContext,
    row: RunRow,
    { params, timeoutMs, given: end }: Changes,
    errors: UserError[],
  ): Promise<Pick<RunRow, 'dedup' | 'cache'>> {
    if (end !== undefined) return { dedup: null, cache: null };
    if (params === null) return { dedup: row.dedup, cache: timeoutMs === null ? row.cache : null };
    errors.push(...(await this.actions.checkParams(context, row, params)));
    return { dedup: await this.actions.dedupOf(context, row, params, errors), cache: null };
  }

  private async itemOf(
    context: GraphqlContext,
    row: RunRow,
    changes: NewChanges,
    operation: Operation,
    key?: Omit<KeyClaim, 'ref'>,
  ): Promise<ReadyRun> {
    const params = changes.params ?? (await context.bodies.load(row.id))?.params ?? null;
    const specification = await this.specificationOf(row, changes.timeoutMs);
    const spec = specification?.hash ?? row.spec;
    const isLinked = operation !== 'cloneRun';
    const run = this.rowOf(row, { ...changes, params }, spec, isLinked);
    return {
      run,
      ...(specification === undefined ? {} : { specification }),
      ...(key === undefined ? {} : { key }),
    };
  }

  /** Undefined: the one that is stored already. */
  private async specificationOf(
    row: RunRow,
    timeoutMs: number | null,
  ): Promise<NewSpecification | undefined> {
    if (timeoutMs === null) return undefined;
    const texts = await findSpecification(this.reader, row.project, row.spec);
    if (texts === undefined) throw new Error(`specification ${row.spec} does not exist`);
    const policy = JSON.parse(texts.policy) as Policy;
    return { project: row.project, ...stored(texts.body, { ...policy, timeoutMs }) };
  }

  private rowOf(row: RunRow, changes: NewChanges, spec: string, isLinked: boolean): NewRun {
    const { project, need, kind, job, jobVersion } = row;
    const id = this.ids.next();
    const pool = changes.pool ?? row.pool;
    const priority = changes.priority ?? row.priority;
    return {
      id,
      partition: partitionOf(id, this.installation.partitions),
      project,
      job,
      jobVersion,
      spec,
      kind,
      pool,
      need,
      priority,
      lane: laneOf({ pool, need, project, priority }),
      at: changes.at,
      afterMs: changes.afterMs,
      startDeadlineMs: startDeadlineOf(row),
      retryOf: isLinked ? row.id : null,
      params: changes.params,
      labels: changes.labels ?? row.labels,
      ...(changes.dedup === null ? {} : { dedup: changes.dedup }),
      ...(changes.cache === null ? {} : { cache: changes.cache }),
      ...(changes.given === undefined ? {} : { given: changes.given }),
      ...(changes.retryIf === undefined ? {} : { retryIf: changes.retryIf }),
      asked: changes.asked,
    };
  }
}

/** As it was submitted: what stands in `expires` is the whole deadline once it has been tried. */
function startDeadlineOf(row: RunRow): number | null {
  const { startDeadlineMs } = recordOf(row);
  if (startDeadlineMs !== undefined) return startDeadlineMs;
  return row.expires === null ? null : row.expires - (row.due ?? row.submittedAt);
}

function retryRefusal({ state }: RunRow): UserError | undefined {
  if (!isFinal(state)) {
    const message = `The run is ${state}: it is not over, and it goes on by itself.`;
    return userError('RUN_NOT_FINAL', ['id'], message, 'To run it once more: cloneRun.');
  }
  if (state !== 'SUCCEEDED') return undefined;
  const message = 'The run has SUCCEEDED: there is nothing to retry.';
  return userError('RUN_SUCCEEDED', ['id'], message, 'To run it once more: cloneRun.');
}

function readPool(pool: string | null | undefined, errors: UserError[]): string | null {
  if (pool === null || pool === undefined) return null;
  if (pool.length <= 80 && NAME_PATTERN.test(pool)) return pool;
  errors.push(userError('INVALID_VALUE', ['pool'], 'pool must be the name of a pool.'));
  return null;
}

function readTimeout(text: string | null | undefined, errors: UserError[]): number | null {
  const timeoutMs = readDuration(text, ['timeout'], errors);
  if (timeoutMs === null || (timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX)) return timeoutMs;
  errors.push(userError('INVALID_DURATION', ['timeout'], 'A time-out is from 1ms to 30d.'));
  return null;
}
