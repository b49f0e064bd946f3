import { Injectable } from '@nestjs/common';
import {
  type CommandAction,
  type CommandRefusal,
  INBOX_COMMAND,
  type RunState,
  isFinal,
} from '#core';
import { type RunRow } from '#postgres';
import { encodeCommand } from '#protocol';
import { actorOf } from '../../auth/viewer.js';
import { AnswersService } from '../../intake/answers.service.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { Ids } from '../../intake/ids.js';
import type { GraphqlContext } from '../driver/context.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { RunPayload } from './run.payloads.js';
import { toRun } from './run.view.js';
import { readKey } from './submission.js';
import { refusalOf, troubleOf } from './written.js';

const REASON_CHARS_MAX = 1_000;

/** What every command to a run says. */
export interface CommandInput {
  readonly id: string;
  readonly reason?: string | null;
  readonly idempotencyKey?: string | null;
}
/** From the input to what the owner is asked for; undefined when `errors` say why not. */
export type ReadAction = (
  row: RunRow,
  errors: UserError[],
) => CommandAction | undefined | Promise<CommandAction | undefined>;

export const refusedRun = (
  row: RunRow | undefined,
  ...userErrors: readonly UserError[]
): RunPayload => ({
  run: row === undefined ? null : toRun(row),
  changed: false,
  pending: false,
  userErrors,
});

/** A command is a row in the inbox of the run's partition; its owner writes the answer. */
@Injectable()
export class CommandsService {
  constructor(
    private readonly intake: GroupCommit,
    private readonly ids: Ids,
    private readonly answers: AnswersService,
  ) {}

  /** `operation`: the mutation's name, under which keys are kept. */
  async send(
    context: GraphqlContext,
    operation: string,
    input: CommandInput,
    read: ReadAction,
  ): Promise<RunPayload> {
    const { viewer } = context;
    const errors = findBrokenStrings(input);
    if (errors.length > 0) return refusedRun(undefined, ...errors);
    const row = await context.runs.load(input.id);
    if (row === undefined) return refusedRun(undefined, notFoundError(['id'], 'This run'));
    const action = await read(row, errors);
    const key = readKey(row.project, operation, input, [], errors);
    checkReason(input.reason, errors);
    if (errors.length > 0 || action === undefined) return refusedRun(row, ...errors);
    // A repeat of what has changed it asks for the answer of then, not for what is so now.
    if (isFinal(row.state) && key === undefined) {
      return refusedRun(row, refusal('RUN_FINAL', row, action));
    }
    const command = this.ids.next();
    const by = actorOf(viewer);
    const reason = input.reason ?? `${action.kind} by ${viewer.name}`;
    const payload = encodeCommand({ ...action, by, reason });
    const { partition, id: ref } = row;
    const [written] = await this.intake.submit([
      {
        command: { id: command, partition, kind: INBOX_COMMAND, ref, payload },
        ...(key === undefined ? {} : { key }),
      },
    ]);
    if (written === undefined) throw new Error(`command ${command} has no answer`);
    switch (written.kind) {
      case 'written':
        return await this.answered(context, row, action, command);
      case 'replayed':
      case 'folded':
        return await this.answered(context, row, action, written.ref);
      case 'overloaded':
      case 'unavailable':
        throw troubleOf(written);
      case 'conflict':
      case 'refused':
      case 'withdrawn':
        return refusedRun(row, refusalOf(written, []));
      default: {
        const never: never = written;
        return never;
      }
    }
  }

  private async answered(
    context: GraphqlContext,
    before: RunRow,
    action: CommandAction,
    command: string,
  ): Promise<RunPayload> {
    const outcome = await this.answers.outcomeOf(command);
    const row = (await context.runs.load(before.id)) ?? before;
    const run = toRun(row);
    if (outcome === undefined) return { run, changed: false, pending: true, userErrors: [] };
    if (outcome.ok) {
      return { run, changed: outcome.same !== true, pending: false, userErrors: [] };
    }
    return refusedRun(row, refusal(outcome.code, outcome, action));
  }
}

export function checkReason(reason: string | null | undefined, errors: UserError[]): void {
  if ((reason?.length ?? 0) <= REASON_CHARS_MAX) return;
  const message = `A reason has at most ${REASON_CHARS_MAX} characters.`;
  errors.push(userError('INVALID_VALUE', ['reason'], message));
}

function refusal(
  code: CommandRefusal,
  { state }: { readonly state: RunState | null },
  { kind }: CommandAction,
): UserError {
  switch (code) {
    case 'NOT_FOUND':
      return notFoundError(['id'], 'This run');
    case 'RUN_FINAL': {
      const message = `The run is ${state ?? 'final'} already, which never changes.`;
      // What succeeded is not retried.
      const how = state === 'SUCCEEDED' ? 'cloneRun' : 'retryRun or cloneRun';
      return userError(code, ['id'], message, `To run it again: ${how}.`);
    }
    case 'RUN_STARTED': {
      const message = `The run is ${state}: it has started, and this is for what has not.`;
      const freeze = ', or stop a shell job in place: `how: FREEZE`';
      const hint = `Cancel it${kind === 'pause' ? freeze : ''}, or wait for its end.`;
      return userError(code, ['id'], message, hint);
    }
    case 'RUN_NOT_PAUSED':
      return userError(code, ['id'], `The run is ${state}, and not paused.`);
    case 'RUN_NOT_RUNNING': {
      const message = `The run is ${state}: only what is RUNNING can be frozen.`;
      return userError(code, ['id'], message, 'What has not started is held: `how: HOLD`.');
    }
    case 'CANNOT_FREEZE': {
      const message = 'Only the processes of a shell job can be stopped in place.';
      return userError(code, ['how'], message, 'Cancel it, or wait for its end.');
    }
    case 'RUN_NOT_DEAD': {
      const message = `The run is ${state}: only what is DEAD is a dead letter.`;
      return userError(code, ['id'], message);
    }
    case 'JOB_PAUSED':
      return userError(code, ['id'], 'Not the run is paused but its job.', 'Use resumeJob.');
    case 'SET_ASIDE':
      return userError(
        code,
        ['id'],
        'The scheduler failed at it again and again, and set it aside.',
      );
    default: {
      const never: never = code;
      return never;
    }
  }
}
