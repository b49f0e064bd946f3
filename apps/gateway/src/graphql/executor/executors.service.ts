import { Inject, Injectable } from '@nestjs/common';
import { type Reader, findExecutors, listExecutors } from '#postgres';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { type ExecutorView, viewOf } from './executor.view.js';

const FRESH_MS = 1_000;
const LIST_MAX = 10_000;

/** Executors belong to no project: every key may see them. */
@Injectable()
export class ExecutorsService {
  private known:
    | { readonly at: number; readonly list: Promise<readonly ExecutorView[]> }
    | undefined;

  constructor(@Inject(GATEWAY_READER) private readonly reader: Reader) {}

  async find(ids: readonly string[]): Promise<readonly ExecutorView[]> {
    return (await findExecutors(this.reader, ids)).map(viewOf);
  }

  /** By id; at most a second old. */
  async all(): Promise<readonly ExecutorView[]> {
    const now = performance.now();
    if (this.known === undefined || now - this.known.at > FRESH_MS) {
      const list = listExecutors(this.reader, { after: null, limit: LIST_MAX }).then((rows) =>
        rows.map(viewOf),
      );
      this.known = { at: now, list };
      list.catch(() => {
        this.known = undefined;
      });
    }
    return await this.known.list;
  }
}
