import { Injectable } from '@nestjs/common';
import { INBOX_COMMAND } from '#core';
import { type HeldBulk, type IntakeBatch, type RunTarget } from '#postgres';
import { encodeCommand } from '#protocol';
import { Ids } from '../../intake/ids.js';
import { type IntakeItem, bytesOf } from '../../intake/item.js';
import { ContextsService } from '../contexts.service.js';
import type { GraphqlContext } from '../driver/context.js';
import { type BulkRequest, commandOf } from './bulk.request.js';
import { RerunService } from './rerun.service.js';

const BYTES_MAX = 4 * 1_048_576;

/** What is to be written of a chunk. */
export interface BulkChunk {
  readonly batch: IntakeBatch;
  /** How many of the runs it is for: the first ones, as many as fit. */
  readonly met: number;
  /** How many of these there is something to write for. */
  readonly items: number;
}

/** From runs that are met to the rows that do it. */
@Injectable()
export class BulkItems {
  constructor(
    private readonly contexts: ContextsService,
    private readonly reruns: RerunService,
    private readonly ids: Ids,
  ) {}

  async chunkOf(
    bulk: HeldBulk,
    request: BulkRequest,
    targets: readonly RunTarget[],
  ): Promise<BulkChunk> {
    // Who asked was allowed to: from then on it sees what there is of this project.
    const context = this.contexts.of({
      id: bulk.id,
      name: bulk.by,
      role: 'OPERATOR',
      projects: [bulk.project],
      expiresAt: null,
    });
    const found = await Promise.all(
      targets.map((target) => this.itemOf(context, bulk, request, target)),
    );
    const items: IntakeItem[] = [];
    let bytes = 0;
    let met = 0;
    for (const item of found) {
      bytes += item === undefined ? 0 : bytesOf(item);
      if (met > 0 && bytes > BYTES_MAX) break;
      met++;
      // What is past its retention meanwhile is nobody's any more.
      if (item !== undefined) items.push(item);
    }
    return { batch: this.batchOf(items), met, items: items.length };
  }

  private batchOf(items: readonly IntakeItem[]): IntakeBatch {
    return {
      id: this.ids.next(),
      specifications: [],
      runs: items.flatMap(({ run }) => run ?? []),
      commands: items.flatMap(({ command }) => command ?? []),
      keys: [],
    };
  }

  private async itemOf(
    context: GraphqlContext,
    { by }: HeldBulk,
    request: BulkRequest,
    { id: ref, partition }: RunTarget,
  ): Promise<IntakeItem | undefined> {
    const { action, filter, reason } = request;
    if (action === 'RETRY') {
      // Of two bulks that meet the same run only one retries it.
      const retryIf = { discarded: filter.discarded === true, retried: filter.retried === true };
      return await this.reruns.retryItem(context, ref, { by, reason }, retryIf);
    }
    const payload = encodeCommand({ ...commandOf(request), by, reason });
    return { command: { id: this.ids.next(), partition, kind: INBOX_COMMAND, ref, payload } };
  }
}
