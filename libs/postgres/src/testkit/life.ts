import type pg from 'pg';
import { type Cell, DEFAULT_RETRY, type Policy } from '#core';
import { commitBatch } from '../commit.js';
import { Connection, type Role } from '../connection.js';
import { type NewRun, intakeBatch } from '../intake.js';
import { appendLogs } from '../logs.js';
import { claimPartition, touchNode } from '../ownership.js';
import {
  type GrantedCell,
  type PartitionWrites,
  noWrites,
  sealEnd,
  sealGrant,
  sealRun,
} from '#core';

export const PARTITIONS = 16;
export const LANES = 40;
const THREAD = 't1';

const policy: Policy = {
  retry: DEFAULT_RETRY,
  timeoutMs: 60_000,
  graceMs: 1_000,
  lostAfterMs: 10_000,
  retentionMs: 90 * 86_400_000,
  jobName: 'job',
  projectName: 'project',
};

/** What the world knows of a run that it wrote. */
export interface Known {
  readonly run: NewRun;
  readonly at: number;
}

/** Intake and owner of all partitions, by the product's own calls. */
export class Life {
  intake: Connection;
  owner: Connection;
  readonly epochs = new Map<number, number>();
  private ids = 0;

  constructor(
    readonly url: string,
    readonly project: string,
  ) {
    this.intake = this.connect('orrery_intake', true);
    this.owner = this.connect('orrery_scheduler', true);
  }

  connect(role: Role, pinned: boolean): Connection {
    return new Connection({ url: this.url, role, name: `orrery/${THREAD}/s`, pinned });
  }

  async stop(): Promise<void> {
    await this.intake.stop();
    await this.owner.stop();
  }

  /** Goes on with connections that have kept nothing. */
  async renew(): Promise<void> {
    await this.stop();
    this.intake = this.connect('orrery_intake', true);
    this.owner = this.connect('orrery_scheduler', true);
  }

  /** Ids rise as the product's do. */
  id(): string {
    return idOf(++this.ids);
  }

  /** Half of what there is came later. */
  middle(): string {
    return idOf(Math.floor(this.ids / 2));
  }

  spec(n: number): string {
    return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
  }

  async own(): Promise<void> {
    const view = await touchNode(this.owner, THREAD, 's', 'scheduler');
    for (const { id, epoch } of view.partitions) {
      const claim = await claimPartition(this.owner, id, epoch, THREAD);
      if (claim !== undefined) this.epochs.set(id, claim.epoch);
    }
  }

  newRun(n: number, given: Partial<NewRun> = {}): NewRun {
    return {
      id: this.id(),
      partition: n % PARTITIONS,
      project: this.project,
      job: null,
      jobVersion: null,
      spec: this.spec(n % 50),
      kind: 'SHELL',
      pool: 'default',
      need: 'shell',
      priority: 5,
      lane: String(100 + (n % LANES)),
      at: null,
      afterMs: null,
      startDeadlineMs: n % 4 === 0 ? 3_600_000 : null,
      retryOf: null,
      params: '{"a":1}',
      labels: '{"team":"x"}',
      ...given,
    };
  }

  async submit(runs: readonly NewRun[], keyed: boolean): Promise<Known[]> {
    const specs = new Map(runs.map((run) => [`${run.project}/${run.spec}`, run]));
    const specifications = [...specs.values()].map(({ project, spec }) => {
      return { project, hash: spec, body: '{"kind":"shell"}', policy };
    });
    const { at } = await intakeBatch(this.intake, {
      id: this.id(),
      specifications,
      runs,
      commands: runs.slice(0, 100).map((run) => {
        return { id: this.id(), partition: run.partition, kind: 1, ref: run.id, payload: '{}' };
      }),
      keys: (keyed ? runs : []).map((run) => {
        const { project, id: ref, spec: hash } = run;
        return { project, operation: 'submitRun', key: `key ${ref}`, hash, ref };
      }),
      strict: true,
    });
    return runs.map((run) => ({ run, at }));
  }

  /** Taken in; every tenth has an open attempt. */
  async takeIn(known: readonly Known[]): Promise<void> {
    const tenths = (mine: readonly Known[], first: boolean): Known[] =>
      mine.filter((_, i) => (i % 10 === 0) === first);
    await this.commit(known, (mine) => ({
      consumed: mine.map(({ run }) => run.id),
      changed: tenths(mine, false).map((each) => sealRun(cellOf(each))),
      granted: tenths(mine, true).map((each) => sealGrant(this.grant(each))),
    }));
  }

  /** A first attempt was granted; a second one, after a first that was LOST. */
  grant(known: Known, attempt = 1): GrantedCell {
    const { id, partition } = known.run;
    const epoch = this.epochs.get(partition) ?? 0;
    const cell = cellOf(known);
    const token = { run: id, attempt, executor: 'x', incarnation: 1, epoch, seq: attempt * 10 };
    cell.record.grantedAt = known.at;
    return Object.assign(cell, { state: 'GRANTED' as const, lane: null, attempt, token });
  }

  async end(known: readonly Known[]): Promise<void> {
    await this.commit(known, (mine) => ({
      finished: mine.map((each) => {
        const cell = cellOf(each);
        cell.record.grantedAt = each.at;
        cell.state = 'SUCCEEDED';
        const finishedAt = each.at + 5;
        return sealEnd({ cell, outcome: 'SUCCEEDED', finishedAt, result: '"ok"', error: null });
      }),
      answers: mine.map(() => ({ command: this.id(), outcome: '{"kind":"applied"}' })),
    }));
  }

  async commit(
    known: readonly Known[],
    writes: (mine: readonly Known[]) => Partial<PartitionWrites>,
  ): Promise<void> {
    const batch = [...this.epochs.keys()].flatMap((partition): PartitionWrites[] => {
      const mine = known.filter(({ run }) => run.partition === partition);
      return mine.length === 0 ? [] : [{ ...this.empty(partition), ...writes(mine) }];
    });
    await commitBatch(this.owner, batch, null);
  }

  empty(partition: number): PartitionWrites {
    const epoch = this.epochs.get(partition) ?? 0;
    return { ...noWrites(partition, epoch), events: 1, segment: '[1,0,[],[]]' };
  }
}

const idOf = (n: number): string => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

export function cellOf({ run, at }: Known): Cell {
  return {
    facts: {
      ...run,
      due: null,
      expires: null,
      submittedAt: at,
      dedup: null,
      cache: null,
      policy,
      params: run.params ?? '',
    },
    state: 'READY',
    lane: run.lane,
    rank: at,
    readyAt: at,
    startedAt: null,
    attempt: 1,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [1, 2] },
  };
}

/** Over 50,000 live, of whom 30,000 taken in; over 50,000 ended; over 20,000 of the others. */
export async function fill(life: Life, admin: pg.Client, thousands = 104): Promise<void> {
  for (let i = 0; i < thousands; i++) {
    const runs = Array.from({ length: 1_000 }, (_, n) => life.newRun(n));
    const known = await life.submit(runs, i % 4 === 0);
    if (i % 5 === 4) continue;
    await life.takeIn(known);
    if (i % 8 < 5) await life.end(known);
  }
  const some = Array.from({ length: PARTITIONS }, (_, n) => life.newRun(n));
  await life.commit(await life.submit(some, false), ([first]) => ({
    executors: Array.from({ length: 125 }, (_, n) => {
      const id = `x${n} of ${first?.run.partition}`;
      const open = { closed: null, emptyBy: null };
      return { id, pool: 'default', state: 0, incarnation: 1, since: 1, record: '{}', ...open };
    }),
  }));
  const day = new Date().toISOString().slice(0, 10);
  for (let i = 0; i < 20; i++) {
    const run = life.id();
    const chunk = { day, partition: 1, run, attempt: 1, stream: 0, project: 'project', body: 'x' };
    const chunks = Array.from({ length: 1_000 }, (_, offset) => ({ ...chunk, offset }));
    await appendLogs(life.owner, chunks);
  }
  // Commits and group commits of days, which nobody wants to wait for.
  await admin.query(`insert into journal select p.id, 1000000 + i, 1,
    now() - interval '1 day' + i * interval '1 minute', '[]'
    from partition p cross join generate_series(1, 2000) i`);
  await admin.query('update partition set seq = 2000000');
  await admin.query(`insert into intake select gen_random_uuid(), now() - i * interval '4 s'
    from generate_series(1, 25000) i`);
}
