import { Injectable } from '@nestjs/common';
import type { CommandAction, RunChange } from '#core';
import type { RunRow } from '#postgres';
import { parseJson, stringifyJson } from '#protocol';
import { dedupHash, renderKey } from '../../specification/keys.js';
import { readLabels } from '../../specification/labels.js';
import { ParamsChecker } from '../../specification/params.js';
import type { Specification } from '../../specification/specification.js';
import type { GraphqlContext } from '../driver/context.js';
import { JobsService } from '../job/jobs.service.js';
import { type UserError, userError } from '../schema/user-error.js';
import type { MarkRunInput, PauseRunInput, UpdateRunInput } from './run-actions.inputs.js';
import type { RunActionInput } from './run.inputs.js';
import { given, readAt, readDuration, readParams, readRunPriority } from './submission.js';

const RESULT_BYTES_MAX = 256 * 1_024;

/** From the inputs of actions to what the owner is asked for; every error at once. */
@Injectable()
export class RunActionsReader {
  constructor(
    private readonly jobs: JobsService,
    private readonly checker: ParamsChecker,
  ) {}

  cancel(input: RunActionInput, errors: UserError[]): CommandAction {
    const graceMs = readDuration(input.grace, ['grace'], errors);
    return { kind: 'cancel', graceMs, force: input.force };
  }

  /** 1.7: what its kind cannot do is refused; of FREEZE the owner knows, of SUSPEND all do. */
  pause({ how }: PauseRunInput, errors: UserError[]): CommandAction | undefined {
    const kind = how ?? 'HOLD';
    switch (kind) {
      case 'HOLD':
        return { kind: 'pause' };
      case 'FREEZE':
        return { kind: 'freeze' };
      case 'SUSPEND': {
        const message = 'No kind of job can save where it is: none can be suspended.';
        const hint = 'A shell job that runs can be stopped in place: `how: FREEZE`.';
        errors.push(userError('CANNOT_SUSPEND', ['how'], message, hint));
        return undefined;
      }
      default: {
        const never: never = kind;
        return never;
      }
    }
  }

  mark(
    input: MarkRunInput,
    errors: UserError[],
  ): Extract<CommandAction, { kind: 'mark' }> | undefined {
    const { as } = input;
    const result = given(input.result) ? stringifyJson(input.result) : null;
    if (as !== 'SUCCEEDED' && as !== 'SKIPPED') {
      const message = `A run is marked as SUCCEEDED or as SKIPPED, and not as ${as}.`;
      errors.push(userError('INVALID_VALUE', ['as'], message, 'To stop it: cancelRun.'));
      return undefined;
    }
    if (as === 'SKIPPED' && result !== null) {
      errors.push(userError('INVALID_INPUT', ['result'], 'What was skipped has no result.'));
    }
    if (result !== null && Buffer.byteLength(result) > RESULT_BYTES_MAX) {
      const message = `The result has ${Buffer.byteLength(result)} bytes; ${RESULT_BYTES_MAX} fit.`;
      errors.push(userError('PAYLOAD_TOO_LARGE', ['result'], message));
    }
    if (input.reason.trim() === '') {
      errors.push(userError('REQUIRED', ['reason'], 'Say why: others will ask.'));
    }
    return { kind: 'mark', as, result };
  }

  async update(
    context: GraphqlContext,
    row: RunRow,
    input: UpdateRunInput,
    errors: UserError[],
  ): Promise<CommandAction> {
    const priority = readRunPriority(input.priority, [], errors);
    const at = readAt(input, [], errors);
    const afterMs = readDuration(input.after, ['after'], errors);
    const params = readParams(input.params, [], errors);
    const labels = readLabels(input.labels, ['labels'], errors);
    if (params !== null) errors.push(...(await this.checkParams(context, row, params)));
    const change: RunChange = {
      ...(priority === null ? {} : { priority }),
      ...(at === null ? {} : { at }),
      ...(afterMs === null ? {} : { afterMs }),
      ...(params === null ? {} : { params }),
      ...(given(input.labels) ? { labels: JSON.stringify(labels) } : {}),
    };
    if (Object.keys(change).length === 0 && errors.length === 0) {
      const message = 'Nothing is to be changed: give params, labels, priority, at or after.';
      errors.push(userError('REQUIRED', [], message));
    }
    return { kind: 'update', change };
  }

  /** By the JSON Schema of the version that the run was made with. */
  async checkParams(context: GraphqlContext, row: RunRow, params: string): Promise<UserError[]> {
    const schema = (await this.specificationOf(context, row))?.params;
    if (schema === undefined) return [];
    const name = `${row.job}/${row.jobVersion}`;
    return this.checker.check(name, schema, parseJson(params), ['params']);
  }

  /** The key that a new run like this one holds, where its params are others. */
  async dedupOf(
    context: GraphqlContext,
    row: RunRow,
    params: string,
    errors: UserError[],
  ): Promise<string | null> {
    const template = (await this.specificationOf(context, row))?.dedup?.key ?? null;
    if (template === null) return row.dedup;
    const key = renderKey(template, params, ['params'], errors);
    return key === undefined ? null : dedupHash(row.job, key);
  }

  /** Of the version that the run was made with; undefined: of none. */
  private async specificationOf(
    context: GraphqlContext,
    row: RunRow,
  ): Promise<Specification | undefined> {
    if (row.job === null || row.jobVersion === null) return undefined;
    const [job, project] = await Promise.all([
      context.jobs.load(row.job),
      context.project(row.project),
    ]);
    if (job === undefined || project === undefined) return undefined;
    return (await this.jobs.resolve(project, job, row.jobVersion))?.specification;
  }
}
