import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type CommandAction, RUN_STATES, type RunState } from '#core';
import { INBOX_COMMAND, type KeyClaim, type ProjectRow, type RunTarget } from '#postgres';
import { encodeCommand } from '#protocol';
import type { Logger } from '#telemetry';
import { ProjectsService } from '../../auth/projects.service.js';
import { actorOf } from '../../auth/viewer.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { Ids } from '../../intake/ids.js';
import type { IntakeItem, Written } from '../../intake/item.js';
import { LOGGER } from '../../tokens.js';
import type { GraphqlContext } from '../driver/context.js';
import { unavailable } from '../driver/errors.js';
import type { BulkAction } from '../schema/enums.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { BulkRunsInput, BulkRunsPayload } from './bulk.model.js';
import { checkReason } from './commands.service.js';
import { RerunService } from './rerun.service.js';
import { RunsService } from './runs.service.js';
import { readKey, readRunPriority } from './submission.js';

export const BULK_RUNS_MAX = 10_000;
const CHUNK = 200;
const PER_SECOND_MAX = 10_000;
const ANSWER_WITHIN_MS = 5_000;
/** As the intake says when it is full: once more, a little later. */
const AGAIN_MS = 500;
const TRIES = 20;

const WAITING: readonly RunState[] = ['SCHEDULED', 'BLOCKED', 'READY'];
/** In which states a run is met by each action. */
const FITS: Readonly<Record<BulkAction, readonly RunState[]>> = {
  CANCEL: [...WAITING, 'PAUSED', 'WAITING_RETRY', 'GRANTED', 'RUNNING', 'UNKNOWN'],
  RETRY: ['DEAD', 'CANCELLED', 'EXPIRED', 'SKIPPED'],
  REPRIORITIZE: [...WAITING, 'PAUSED'],
  PAUSE: [...WAITING, 'WAITING_RETRY'],
  RESUME: ['PAUSED'],
  DISCARD: ['DEAD'],
};

/** One request, as it is worked through. */
interface Work {
  readonly context: GraphqlContext;
  readonly input: BulkRunsInput;
  readonly targets: readonly RunTarget[];
  readonly key: Omit<KeyClaim, 'ref'> | undefined;
  applied: number;
  hasConflict: boolean;
  /** Why it has ended early. */
  failure: unknown;
}

/**
 * The same command to many runs, a chunk at a time. Each run's is stored for itself: where a
 * gateway is lost in the middle, the repeat with the same key does what is left.
 */
@Injectable()
export class BulkService implements OnModuleDestroy {
  /** What goes on in the background must not keep a gateway that is told to stop. */
  private readonly stopping = new AbortController();

  constructor(
    private readonly projects: ProjectsService,
    private readonly runs: RunsService,
    private readonly reruns: RerunService,
    private readonly intake: GroupCommit,
    private readonly ids: Ids,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async apply(context: GraphqlContext, input: BulkRunsInput): Promise<BulkRunsPayload> {
    const errors = findBrokenStrings(input);
    const project = await this.projects.named(context.viewer, input.project);
    if (project === undefined && errors.length === 0) {
      errors.push(notFoundError(['project'], `Project ${JSON.stringify(input.project)}`));
    }
    if (errors.length > 0 || project === undefined) return refused(errors);
    const key = readKey(project.id, 'bulkRuns', input, [], errors);
    check(input, errors);
    if (errors.length > 0) return refused(errors);
    const targets = await this.targets(project, input);
    if (targets.length > BULK_RUNS_MAX) {
      const message = `More than ${BULK_RUNS_MAX} runs match: narrow the filter.`;
      const hint = 'By job, by label, or by submittedBefore.';
      return refused([userError('TOO_MANY_RUNS', ['filter'], message, hint)]);
    }
    const matched = targets.length;
    if (input.dryRun || matched === 0) return payload(matched, 0, false);
    const work: Work = {
      context,
      input,
      targets,
      key,
      applied: 0,
      hasConflict: false,
      failure: undefined,
    };
    const done = this.workThrough(work).then(() => true);
    const stop = new AbortController();
    const late = delay(ANSWER_WITHIN_MS, false, { signal: stop.signal }).catch(() => false);
    const isDone = await Promise.race([done, late]);
    stop.abort();
    if (!isDone) return payload(matched, work.applied, true);
    if (work.failure !== undefined) throw unavailable(AGAIN_MS);
    if (!work.hasConflict) return payload(matched, work.applied, false);
    const message = 'This key was used with another request: use a new key for a new request.';
    const conflict = userError('IDEMPOTENCY_CONFLICT', ['idempotencyKey'], message);
    return payload(matched, work.applied, false, [conflict]);
  }

  private async targets(project: ProjectRow, input: BulkRunsInput): Promise<RunTarget[]> {
    const { filter, action } = input;
    const asked = filter.states ?? RUN_STATES;
    const states = FITS[action].filter((state) => asked.includes(state));
    if (states.length === 0) return [];
    // What nobody is going to look at is met only by who asks for it.
    const isForDead = action === 'DISCARD' || action === 'RETRY';
    const discarded = filter.discarded ?? (isForDead ? false : undefined);
    return await this.runs.targets(project, filter, { states, discarded }, BULK_RUNS_MAX + 1);
  }

  /** Never rejects: nobody may wait for it any more. */
  private async workThrough(work: Work): Promise<void> {
    const { perSecond } = work.input;
    const size = Math.min(CHUNK, perSecond ?? CHUNK);
    try {
      for (let i = 0; i < work.targets.length; i += size) {
        if (i > 0 && perSecond) await this.rest((size / perSecond) * 1_000);
        this.stopping.signal.throwIfAborted();
        await this.store(work, work.targets.slice(i, i + size));
      }
    } catch (error) {
      const { project, action } = work.input;
      const { applied } = work;
      work.failure = error;
      this.log.error('an action on many runs has ended early', { project, action, applied, error });
    }
  }

  private async store(work: Work, targets: readonly RunTarget[]): Promise<void> {
    const all = await Promise.all(targets.map((target) => this.itemOf(work, target)));
    // What is past its retention meanwhile is nobody's any more.
    let items = all.filter((item) => item !== undefined);
    for (let tries = 0; items.length > 0; tries++) {
      const written = await this.intake.submit(items);
      for (const each of written) note(work, each);
      items = items.filter((_, i) => written[i]?.kind === 'overloaded');
      if (items.length === 0) return;
      if (tries >= TRIES) throw new Error('the intake had no room for too long');
      await this.rest(AGAIN_MS);
    }
  }

  private async rest(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.stopping.signal });
  }

  private async itemOf(work: Work, target: RunTarget): Promise<IntakeItem | undefined> {
    const { context, input } = work;
    const key = work.key && { ...work.key, key: `${work.key.key}/${target.id}` };
    if (input.action === 'RETRY') return await this.reruns.retryItem(context, target.id, key);
    const { id: ref, partition } = target;
    const by = actorOf(context.viewer);
    const reason =
      input.reason ?? `${input.action.toLowerCase()} of many by ${context.viewer.name}`;
    const payload = encodeCommand({ ...actionOf(input), by, reason });
    const command = { id: this.ids.next(), partition, kind: INBOX_COMMAND, ref, payload };
    return { command, ...(key === undefined ? {} : { key }) };
  }
}

function note(work: Work, written: Written): void {
  if (written.kind === 'written' || written.kind === 'replayed') work.applied++;
  else if (written.kind === 'conflict') work.hasConflict = true;
  else if (written.kind === 'unavailable') throw new Error('the database did not answer in time');
}

function actionOf({ action, priority }: BulkRunsInput): CommandAction {
  switch (action) {
    case 'CANCEL':
      return { kind: 'cancel', graceMs: null, force: false };
    case 'PAUSE':
      return { kind: 'pause' };
    case 'RESUME':
      return { kind: 'resume' };
    case 'DISCARD':
      return { kind: 'discard' };
    case 'REPRIORITIZE':
      return { kind: 'update', change: { priority: priority ?? 0 } };
    case 'RETRY':
      throw new Error('a retry is no command');
    default: {
      const never: never = action;
      return never;
    }
  }
}

function check(input: BulkRunsInput, errors: UserError[]): void {
  const { action, priority, perSecond } = input;
  checkReason(input.reason, errors);
  readRunPriority(priority, [], errors);
  const hasPriority = priority !== undefined && priority !== null;
  if (action === 'REPRIORITIZE' && !hasPriority) {
    errors.push(userError('REQUIRED', ['priority'], 'Say which priority they are to have.'));
  } else if (action !== 'REPRIORITIZE' && hasPriority) {
    const message = `A priority is for REPRIORITIZE, and not for ${action}.`;
    errors.push(userError('INVALID_INPUT', ['priority'], message));
  }
  const isPace = perSecond === undefined || perSecond === null;
  if (!isPace && (perSecond < 1 || perSecond > PER_SECOND_MAX)) {
    const message = `perSecond goes from 1 to ${PER_SECOND_MAX}.`;
    errors.push(userError('INVALID_VALUE', ['perSecond'], message));
  }
}

const payload = (
  matched: number,
  applied: number,
  pending: boolean,
  userErrors: readonly UserError[] = [],
): BulkRunsPayload => ({ matched, applied, pending, userErrors });
const refused = (userErrors: readonly UserError[]): BulkRunsPayload =>
  payload(0, 0, false, userErrors);
