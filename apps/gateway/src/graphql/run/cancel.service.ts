import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type CommandOutcome, type RunState, isFinal } from '#core';
import { INBOX_CANCEL, type Reader, type RunRow, findAnswers } from '#postgres';
import { encodeCancel } from '#protocol';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { Ids } from '../../intake/ids.js';
import { Batch } from '../driver/batch.js';
import type { GraphqlContext } from '../driver/context.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { RunActionInput } from './run.inputs.js';
import type { RunPayload } from './run.payloads.js';
import { toRun } from './run.view.js';
import { readDuration, readKey } from './submission.js';
import { refusalOf, troubleOf } from './written.js';

const OPERATION = 'cancelRun';
const ANSWER_WITHIN_MS = 5_000;
const POLL_MS = { first: 20, max: 1_000 } as const;
const REASON_CHARS_MAX = 1_000;

const refused = (row: RunRow | undefined, ...userErrors: readonly UserError[]): RunPayload => ({
  run: row === undefined ? null : toRun(row),
  pending: false,
  userErrors,
});

/** A command is a row in the inbox of the run's partition; its owner writes the answer. */
@Injectable()
export class CancelService {
  private readonly answers: Batch<string, CommandOutcome>;

  constructor(
    private readonly intake: GroupCommit,
    private readonly ids: Ids,
    @Inject(GATEWAY_READER) reader: Reader,
  ) {
    this.answers = new Batch((commands) => findAnswers(reader, commands));
  }

  async cancel(context: GraphqlContext, input: RunActionInput): Promise<RunPayload> {
    const { viewer } = context;
    const errors = findBrokenStrings(input);
    if (errors.length > 0) return refused(undefined, ...errors);
    const row = await context.runs.load(input.id);
    if (row === undefined) return refused(undefined, notFoundError(['id'], 'This run'));
    const graceMs = readDuration(input.grace, ['grace'], errors);
    const key = readKey(row.project, OPERATION, input, [], errors);
    if ((input.reason?.length ?? 0) > REASON_CHARS_MAX) {
      const message = `A reason has at most ${REASON_CHARS_MAX} characters.`;
      errors.push(userError('INVALID_VALUE', ['reason'], message));
    }
    if (errors.length > 0) return refused(row, ...errors);
    // A repeat of what has cancelled it asks for the answer of then, not for what is so now.
    if (isFinal(row.state) && key === undefined) return refused(row, finalError(row));
    const command = this.ids.next();
    const [written] = await this.intake.submit([
      {
        command: {
          id: command,
          partition: row.partition,
          kind: INBOX_CANCEL,
          ref: row.id,
          payload: payloadOf(viewer, input, graceMs),
        },
        ...(key === undefined ? {} : { key }),
      },
    ]);
    if (written === undefined) throw new Error(`command ${command} has no answer`);
    switch (written.kind) {
      case 'written':
        return await this.answered(context, row, command);
      case 'replayed':
        return await this.answered(context, row, written.ref);
      case 'overloaded':
      case 'unavailable':
        throw troubleOf(written);
      case 'conflict':
      case 'refused':
      case 'withdrawn':
        return refused(row, refusalOf(written, []));
      default: {
        const never: never = written;
        return never;
      }
    }
  }

  private async answered(
    context: GraphqlContext,
    before: RunRow,
    command: string,
  ): Promise<RunPayload> {
    const outcome = await this.outcomeOf(command);
    const row = (await context.runs.load(before.id)) ?? before;
    if (outcome === undefined) return { run: toRun(row), pending: true, userErrors: [] };
    if (outcome.ok) return { run: toRun(row), pending: false, userErrors: [] };
    const isGone = outcome.code === 'NOT_FOUND';
    return refused(row, isGone ? notFoundError(['id'], 'This run') : finalError(outcome));
  }

  /** Undefined: not within the time that a caller waits; it is safe all the same. */
  private async outcomeOf(command: string): Promise<CommandOutcome | undefined> {
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    let pauseMs: number = POLL_MS.first;
    for (;;) {
      const outcome = await this.answers.load(command);
      const leftMs = deadline - performance.now();
      if (outcome !== undefined || leftMs <= 0) return outcome;
      await delay(Math.min(pauseMs, leftMs));
      pauseMs = Math.min(pauseMs * 1.5, POLL_MS.max);
    }
  }
}

function finalError({ state }: { readonly state: RunState | null }): UserError {
  const message = `The run is ${state ?? 'final'} already, which never changes.`;
  return userError('RUN_FINAL', ['id'], message);
}

function payloadOf(viewer: Viewer, input: RunActionInput, graceMs: number | null): string {
  const by = actorOf(viewer);
  const reason = input.reason ?? `cancelled by ${viewer.name}`;
  return encodeCancel({ reason, by, graceMs, force: input.force });
}
