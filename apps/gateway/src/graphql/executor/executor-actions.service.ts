import { Inject, Injectable } from '@nestjs/common';
import { type Closed, INBOX_EXECUTOR, type Millis, partitionOf } from '#core';
import type { Installation } from '#postgres';
import { encodeClose } from '#protocol';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { AnswersService } from '../../intake/answers.service.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { Ids } from '../../intake/ids.js';
import { INSTALLATION } from '../../tokens.js';
import { problem } from '../driver/errors.js';
import { checkReason } from '../run/commands.service.js';
import { readDuration } from '../run/submission.js';
import { refusalOf, troubleOf } from '../run/written.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { ExecutorActionInput, ExecutorPayload } from './executor-actions.model.js';
import { ExecutorsService } from './executors.service.js';

const DEADLINE_MS_MAX = 7 * 86_400_000;

/** What a person says of an executor: its own partition takes it down, and everybody goes by it. */
@Injectable()
export class ExecutorActionsService {
  constructor(
    private readonly executors: ExecutorsService,
    private readonly intake: GroupCommit,
    private readonly ids: Ids,
    private readonly answers: AnswersService,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /** `as` null: it is given work again. */
  async close(
    viewer: Viewer,
    input: ExecutorActionInput,
    as: Closed['as'] | null,
  ): Promise<ExecutorPayload> {
    if (viewer.projects !== null) {
      const message = 'An executor serves every project: only a key for all of them may do this.';
      throw problem('FORBIDDEN', message);
    }
    const errors = findBrokenStrings(input);
    checkReason(input.reason, errors);
    const withinMs = readDeadline(input.deadline, as, errors);
    if (errors.length > 0) return refused(...errors);
    const [known] = await this.executors.find([input.id]);
    if (known === undefined) return refused(notFoundError(['id'], 'This executor'));
    const reason = input.reason ?? '';
    const payload = encodeClose({ executor: input.id, as, by: actorOf(viewer), reason, withinMs });
    const partition = partitionOf(`executor/${input.id}`, this.installation.partitions);
    const id = this.ids.next();
    // It refers to no run: an executor's id is any text, and stands in the payload.
    const command = { id, partition, kind: INBOX_EXECUTOR, ref: id, payload };
    const [written] = await this.intake.submit([{ command }]);
    if (written === undefined) throw new Error(`command ${id} has no answer`);
    if (written.kind === 'overloaded' || written.kind === 'unavailable') throw troubleOf(written);
    if (written.kind === 'conflict' || written.kind === 'refused' || written.kind === 'withdrawn') {
      return refused(refusalOf(written, []));
    }
    const outcome = await this.answers.outcomeOf(id);
    const [executor = known] = await this.executors.find([input.id]);
    if (outcome?.ok === false) {
      if (outcome.code === 'NOT_FOUND') return refused(notFoundError(['id'], 'This executor'));
      const failed = 'The scheduler failed at it again and again, and set it aside.';
      return refused(userError(outcome.code, ['id'], failed));
    }
    const pending = outcome === undefined;
    return { executor, changed: !pending && outcome.same !== true, pending, userErrors: [] };
  }
}

const refused = (...userErrors: readonly UserError[]): ExecutorPayload => {
  return { executor: null, changed: false, pending: false, userErrors };
};

function readDeadline(
  text: string | null | undefined,
  as: Closed['as'] | null,
  errors: UserError[],
): Millis | null {
  const withinMs = readDuration(text, ['deadline'], errors);
  if (withinMs === null) return null;
  if (as !== 'DRAINING') {
    errors.push(userError('INVALID_VALUE', ['deadline'], 'Only a drain has a deadline.'));
    return null;
  }
  if (withinMs <= DEADLINE_MS_MAX) return withinMs;
  errors.push(userError('INVALID_VALUE', ['deadline'], 'A deadline is at most 7 days away.'));
  return null;
}
