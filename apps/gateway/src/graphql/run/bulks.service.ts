import { Inject, Injectable } from '@nestjs/common';
import {
  type BulkRow,
  type Connection,
  type ProjectRow,
  type Reader,
  cancelBulk,
  findBulk,
  listBulks,
} from '#postgres';
import { isUuid } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import {
  type ConnectionOf,
  type PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { BulkModel, BulkPayload, CancelBulkInput } from './bulk.model.js';
import { readRequest } from './bulk.request.js';
import { BULK_CONNECTION, SLOW_MAX } from './bulk.worker.js';
import { checkReason } from './commands.service.js';

const CURSOR = 'bulks';

/** Actions on many runs, as they are looked at and stopped; `BulkService` begins them. */
@Injectable()
export class BulksService {
  constructor(
    private readonly projects: ProjectsService,
    @Inject(BULK_CONNECTION) private readonly connection: Connection,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
  ) {}

  async find(viewer: Viewer, id: string): Promise<BulkModel | undefined> {
    const row = await this.row(viewer, id);
    return row && modelOf(row);
  }

  async list(project: ProjectRow, page: PageArgs): Promise<ConnectionOf<BulkModel>> {
    const size = pageSize(page.first);
    const [after] = decodeCursor(CURSOR, page.after, ([id]) => isUuid(id)) ?? [null];
    const rows = await listBulks(this.reader, project.id, {
      after: after as string | null,
      limit: size + 1,
    });
    return pageOf(rows, size, modelOf, ({ id }) => encodeCursor(CURSOR, id));
  }

  /** What was applied stays; nothing more is, once this has answered. */
  async cancel(viewer: Viewer, input: CancelBulkInput): Promise<BulkPayload> {
    const errors = findBrokenStrings(input);
    checkReason(input.reason, errors);
    if (errors.length > 0) return refused(undefined, errors);
    if ((await this.row(viewer, input.id)) === undefined) {
      return refused(undefined, [notFoundError(['id'], 'This bulk')]);
    }
    const reason = input.reason ?? `cancelled by ${viewer.name}`;
    const changed = await cancelBulk(this.connection, input.id, actorOf(viewer), reason);
    const row = await this.row(viewer, input.id);
    if (row === undefined || row.state === 'CANCELLED') {
      return { bulk: row === undefined ? null : modelOf(row), changed, userErrors: [] };
    }
    const message = `The bulk is ${row.state} already: there is nothing left to stop.`;
    return refused(row, [userError('BULK_OVER', ['id'], message)]);
  }

  private async row(viewer: Viewer, id: string): Promise<BulkRow | undefined> {
    if (!isUuid(id)) return undefined;
    return await findBulk(this.reader, await this.projects.scopeOf(viewer), id);
  }
}

function modelOf(row: BulkRow): BulkModel {
  const { action, asked, reason, perSecond, priority } = readRequest(row.request);
  return { ...row, action, filter: asked, reason, perSecond, priority, trouble: troubleOf(row) };
}

function troubleOf({ state, slow }: BulkRow): string | null {
  if (state !== 'RUNNING' || slow === 0) return null;
  const often = slow === 1 ? 'once' : `${slow} times in a row`;
  return (
    `The database has taken too long for its next runs, ${often}; it is tried again, and ` +
    `fails after ${SLOW_MAX} times.`
  );
}

const refused = (row: BulkRow | undefined, userErrors: readonly UserError[]): BulkPayload => {
  return { bulk: row === undefined ? null : modelOf(row), changed: false, userErrors };
};
