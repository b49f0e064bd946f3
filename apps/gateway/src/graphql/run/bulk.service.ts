import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  type BulkRow,
  type Connection,
  FIRST_ID,
  type KeyClaim,
  type NewBulk,
  type ProjectRow,
  type Reader,
  type RunListFilter,
  beginBulk,
  classify,
  countTargets,
  findBulk,
  findKeyedBulk,
  listTargets,
  readClock,
} from '#postgres';
import { stringifyJson } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import { actorOf } from '../../auth/viewer.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { Ids } from '../../intake/ids.js';
import type { GraphqlContext } from '../driver/context.js';
import { unavailable } from '../driver/errors.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { BulkRunsInput, BulkRunsPayload } from './bulk.model.js';
import { type BulkRequest, askedOf, checkBulk, narrowed } from './bulk.request.js';
import { BULK_CONNECTION, BulkWorker } from './bulk.worker.js';
import { unmatchedIds } from './bulk.unmatched.js';
import { RunsService } from './runs.service.js';
import { readKey } from './submission.js';

const BULK_RUNS_MAX = 1_000_000;
/** Under way in a project. */
export const BULKS_MAX = 20;
/** Counted by one read, which has a deadline. */
const COUNT_PAGE = 50_000;
const ANSWER_WITHIN_MS = 5_000;
const BEGIN_TRIES = 8;
const AGAIN_MS = 250;

type Key = Omit<KeyClaim, 'ref'>;
interface Found {
  readonly filter: RunListFilter;
  readonly matched: number;
  readonly last: string;
  readonly unmatched: readonly UserError[];
}

/** The same to many runs: begun here, and brought to its end by whichever gateway there is. */
@Injectable()
export class BulkService {
  constructor(
    private readonly projects: ProjectsService,
    private readonly runs: RunsService,
    private readonly worker: BulkWorker,
    private readonly ids: Ids,
    @Inject(BULK_CONNECTION) private readonly connection: Connection,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
  ) {}

  async apply(context: GraphqlContext, input: BulkRunsInput): Promise<BulkRunsPayload> {
    const errors = findBrokenStrings(input);
    const project = await this.projects.named(context.viewer, input.project);
    if (project === undefined && errors.length === 0) {
      errors.push(notFoundError(['project'], `Project ${JSON.stringify(input.project)}`));
    }
    if (errors.length > 0 || project === undefined) return refused(errors);
    const key = readKey(project.id, 'bulkRuns', input, [], errors);
    checkBulk(input, errors);
    if (errors.length > 0) return refused(errors);
    // Nothing is made by a dry run, so no key stands for it.
    const known = input.dryRun ? undefined : await this.known(key);
    if (known !== undefined) return known;
    const { unknown } = await this.runs.namedJobs(project.id, input.filter.jobs ?? []);
    if (unknown.length > 0) return refused(unknown);
    const now = Math.floor(await readClock(this.reader));
    const filter = narrowed(await this.runs.resolveFilter(project, input.filter), input, now);
    const { matched, last } = await this.count(project, filter);
    if (matched > BULK_RUNS_MAX) {
      const message = 'More than 1,000,000 runs match: narrow the filter.';
      const hint = 'By job, by label, or by submittedBefore.';
      return refused([userError('TOO_MANY_RUNS', ['filter'], message, hint)]);
    }
    const unmatched = await this.unmatched(context, project, input, { filter, matched });
    if (matched === 0 && unmatched.length > 0) return refused(unmatched);
    if (input.dryRun) return { ...NONE, matched, unmatched };
    const found = { filter, matched, last, unmatched };
    return await this.begun(context, project, input, key, found);
  }

  /** What the key stands for. */
  private async known(key: Key | undefined): Promise<BulkRunsPayload | undefined> {
    if (key === undefined) return undefined;
    const row = await findKeyedBulk(this.reader, key.project, key.key);
    return row && (row.hash === key.hash ? told(row, true) : refused([conflict]));
  }

  /** Nobody asks for a run by its id without wanting to know that nothing is done to it. */
  private async unmatched(
    context: GraphqlContext,
    project: ProjectRow,
    { action, filter: asked }: BulkRunsInput,
    { filter, matched }: { readonly filter: RunListFilter; readonly matched: number },
  ): Promise<readonly UserError[]> {
    const ids = [...new Set(asked.ids)];
    if (ids.length === matched) return [];
    const page = { project: project.id, filter, order: 'OLDEST', after: null } as const;
    const targets = await listTargets(this.reader, { ...page, limit: ids.length });
    const found = new Set(targets.map(({ id }) => id));
    return await unmatchedIds(context, project, asked.ids ?? [], found, { action, filter });
  }

  /** One more than there may be is too many already. */
  private async count(
    project: ProjectRow,
    filter: RunListFilter,
  ): Promise<{ readonly matched: number; readonly last: string }> {
    let matched = 0;
    let last: string = FIRST_ID;
    while (matched <= BULK_RUNS_MAX) {
      const limit = Math.min(COUNT_PAGE, BULK_RUNS_MAX + 1 - matched);
      const page = { project: project.id, filter, order: 'OLDEST', after: last, limit } as const;
      const counted = await countTargets(this.reader, page);
      matched += counted.count;
      last = counted.last ?? last;
      if (counted.count < limit) break;
    }
    return { matched, last };
  }

  private async begun(
    context: GraphqlContext,
    project: ProjectRow,
    input: BulkRunsInput,
    key: Key | undefined,
    { filter, matched, last, unmatched }: Found,
  ): Promise<BulkRunsPayload> {
    const { viewer } = context;
    const request: BulkRequest = {
      action: input.action,
      filter,
      asked: askedOf(input.filter),
      reason: input.reason ?? `${input.action.toLowerCase()} of many by ${viewer.name}`,
      priority: input.priority ?? null,
      perSecond: input.perSecond ?? null,
    };
    const bulk: NewBulk = {
      id: this.ids.next(),
      project: project.id,
      request: stringifyJson(request),
      by: actorOf(viewer),
      last,
      matched,
      key,
    };
    const held = await this.begin(bulk);
    if (held === undefined) return refused([tooMany]);
    if (held.id !== bulk.id) return (await this.known(key)) ?? refused([conflict]);
    if (matched === 0) return { ...NONE, id: bulk.id, unmatched };
    const work = this.worker.work({ ...bulk, cursor: FIRST_ID, applied: 0, refused: 0 });
    const stop = new AbortController();
    const late = delay(ANSWER_WITHIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    const worked = await Promise.race([work, late]);
    stop.abort();
    if (worked?.isDone === true) {
      return { ...NONE, id: bulk.id, matched, applied: worked.applied, unmatched };
    }
    const row = await findBulk(this.reader, [project.id], bulk.id).catch(() => undefined);
    if (row !== undefined) return told(row, false, unmatched);
    // It is stored all the same.
    const applied = worked?.applied ?? 0;
    return { ...NONE, id: bulk.id, matched, applied, unmatched, pending: true };
  }

  /** Under one id: a repeat of what got through the first time begins nothing else. */
  private async begin(bulk: NewBulk): ReturnType<typeof beginBulk> {
    for (let tries = 1; ; tries++) {
      try {
        return await beginBulk(this.connection, bulk, this.worker.lease, BULKS_MAX);
      } catch (error) {
        const { kind } = classify(error);
        if (kind !== 'unknown' && kind !== 'rejected-now') throw error;
        if (tries >= BEGIN_TRIES) throw unavailable(AGAIN_MS);
      }
      await delay(AGAIN_MS);
    }
  }
}

const NONE = {
  ...{ id: null, matched: 0, applied: 0, unmatched: [], replayed: false, pending: false },
  userErrors: [],
} as const;
const told = (
  row: BulkRow,
  replayed: boolean,
  unmatched: readonly UserError[] = [],
): BulkRunsPayload => {
  const { id, matched, applied, state, failure, stoppedBy, stopReason } = row;
  const userErrors = failure === null ? [] : [userError('BULK_FAILED', [], failure)];
  if (state === 'CANCELLED') {
    const message = `It was cancelled by ${stoppedBy}: ${stopReason}.`;
    userErrors.push(userError('BULK_CANCELLED', [], message, 'What was applied stays so.'));
  }
  const pending = state === 'RUNNING';
  return { id, matched, applied, unmatched, replayed, pending, userErrors };
};
const refused = (userErrors: readonly UserError[]): BulkRunsPayload => ({ ...NONE, userErrors });
const conflict = userError(
  'IDEMPOTENCY_CONFLICT',
  ['idempotencyKey'],
  'This key was used with another request: use a new key for a new request.',
);
const tooMany = userError(
  'TOO_MANY_BULKS',
  ['project'],
  `${BULKS_MAX} actions on many runs are under way in this project, which is all there may be.`,
  'Wait until one is over (`bulks` lists them), or stop one: cancelBulk.',
);
