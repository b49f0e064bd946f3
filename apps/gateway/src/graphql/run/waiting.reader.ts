import { isFrozen } from '#core';
import {
  type Reader,
  type RunRow,
  readAside,
  readClock,
  readNodes,
  readPartitions,
  readPlace,
  readRunTimes,
} from '#postgres';
import type { ExecutorsService } from '../executor/executors.service.js';
import type { Waiting } from './run.model.js';
import { recordOf } from './run.view.js';
import { waitingFor } from './waiting.js';

const SAMPLE = 50;
/** Fewer tell nothing. */
const SAMPLE_MIN = 3;
const FRESH_MS = 10_000;
const JOBS_MAX = 1_000;

/** Reads what the reasons of a wait need, and what a job's past says of a run. */
export class WaitingReader {
  private readonly medians = new Map<
    string,
    { readonly at: number; readonly median: Promise<number | null> }
  >();

  constructor(
    private readonly reader: Reader,
    private readonly executors: ExecutorsService,
  ) {}

  async reasons(row: RunRow): Promise<Waiting[]> {
    const record = recordOf(row);
    const moves = row.state === 'RUNNING' && !isFrozen(record) && record.parked === undefined;
    if (row.finishedAt !== null || moves) return [];
    const isReady = row.taken && row.state === 'READY';
    const isTimed = row.due !== null || recordOf(row).bounces !== undefined;
    const [now, aside, executors, place, partitions, nodes] = await Promise.all([
      isTimed ? readClock(this.reader) : 0,
      readAside(this.reader, row.project, row.id),
      isReady ? this.executors.all() : [],
      isReady ? readPlace(this.reader, row.project, row.id) : undefined,
      row.taken ? [] : readPartitions(this.reader),
      row.taken ? [] : readNodes(this.reader),
    ]);
    const partition = partitions.find(({ id }) => id === row.partition);
    const owner = nodes.find(({ thread }) => thread === partition?.owner);
    return waitingFor(row, { now, aside, executors, place, partition, owner });
  }

  /** Null when the past says nothing, and when it said what has passed. */
  async expectedFinish(row: RunRow): Promise<number | null> {
    const { state, startedAt, job, project } = row;
    if (state !== 'RUNNING' || startedAt === null || job === null) return null;
    const { freeze, thawedAt } = recordOf(row);
    // How long it stood still, or will, is no part of what its job takes.
    if (freeze !== undefined || thawedAt !== undefined) return null;
    const [now, took] = await Promise.all([readClock(this.reader), this.median(project, job)]);
    if (took === null || startedAt + took <= now) return null;
    return startedAt + took;
  }

  private async median(project: string, job: string): Promise<number | null> {
    const now = performance.now();
    const known = this.medians.get(job);
    if (known !== undefined && now - known.at < FRESH_MS) return await known.median;
    const median = readRunTimes(this.reader, project, job, SAMPLE).then(medianOf);
    if (this.medians.size >= JOBS_MAX) this.medians.clear();
    this.medians.set(job, { at: now, median });
    median.catch(() => this.medians.delete(job));
    return await median;
  }
}

function medianOf(times: readonly number[]): number | null {
  if (times.length < SAMPLE_MIN) return null;
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
