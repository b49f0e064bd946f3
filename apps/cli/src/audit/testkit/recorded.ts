import {
  type Cell,
  DEFAULT_RETRY,
  type EventType,
  type GrantedCell,
  type PartitionWrites,
  type Policy,
  type RunEvent,
  type RunState,
  noWrites,
  sealEnd,
  sealGrant,
  sealRun,
} from '#core';
import {
  Connection,
  type NewRun,
  claimPartition,
  commitBatch,
  intakeBatch,
  touchNode,
} from '#postgres';
import { encodeSegment } from '#protocol';

const PROJECT = '00000000-0000-4000-8000-0000000000aa';
const SPEC = '00000000-0000-4000-8000-0000000000bb';
const policy: Policy = {
  retry: DEFAULT_RETRY,
  timeoutMs: 60_000,
  graceMs: 1_000,
  lostAfterMs: 10_000,
  retentionMs: 86_400_000,
  jobName: 'job',
  projectName: 'project',
};

/** Runs of one partition as its owner records them, by the product's own calls. */
export class Recorded {
  private readonly intake: Connection;
  private readonly owner: Connection;
  private epoch = 0;
  private head = 0;
  private ids = 0;

  constructor(
    url: string,
    readonly partition: number,
  ) {
    const name = 'orrery/t1/s';
    this.intake = new Connection({ url, role: 'orrery_intake', name });
    this.owner = new Connection({ url, role: 'orrery_scheduler', name });
  }

  async own(): Promise<void> {
    const view = await touchNode(this.owner, 't1', 's', 'scheduler');
    const { epoch = 0 } = view.partitions[this.partition] ?? {};
    this.epoch = (await claimPartition(this.owner, this.partition, epoch, 't1'))?.epoch ?? 0;
    this.head = 0;
  }

  async stop(): Promise<void> {
    await this.intake.stop();
    await this.owner.stop();
  }

  /** Acknowledged, and not yet taken in. */
  async submit(key?: string): Promise<Cell> {
    const run = this.newRun();
    const keys = key === undefined ? [] : [{ key, project: PROJECT, hash: SPEC, ref: run.id }];
    const { at } = await intakeBatch(this.intake, {
      id: this.id(),
      specifications: [{ project: PROJECT, hash: SPEC, body: '{"kind":"shell"}', policy }],
      runs: [run],
      commands: [],
      keys: keys.map((each) => ({ ...each, operation: 'submitRun' })),
    });
    return cellOf(run, at);
  }

  async takeIn(cell: Cell): Promise<void> {
    const event = this.event(cell, 'SUBMITTED', null, 'READY');
    const consumed = [cell.facts.id];
    await this.commit([event], { consumed, changed: [sealRun(cell)] });
  }

  async grant(cell: Cell): Promise<void> {
    cell.attempt++;
    const event = this.event(cell, 'GRANTED', 'READY', 'GRANTED');
    const { epoch } = this;
    const place = { executor: 'x1', incarnation: 1, epoch, seq: event.seq };
    cell.token = { run: cell.facts.id, attempt: cell.attempt, ...place };
    cell.state = 'GRANTED';
    cell.record.grantedAt = event.at;
    await this.commit([event], { granted: [sealGrant(cell as GrantedCell)] });
  }

  /** A start and a result in one slice. */
  async end(cell: Cell): Promise<void> {
    const started = this.event(cell, 'STARTED', 'GRANTED', 'RUNNING');
    const event = this.event(cell, 'FINISHED', 'RUNNING', 'SUCCEEDED');
    cell.state = 'SUCCEEDED';
    const end = { outcome: 'SUCCEEDED' as const, result: '1', error: null, finishedAt: event.at };
    await this.commit([started, event], { finished: [sealEnd({ cell, ...end })] });
  }

  async whole(key?: string): Promise<Cell> {
    const cell = await this.submit(key);
    await this.takeIn(cell);
    await this.grant(cell);
    await this.end(cell);
    return cell;
  }

  event(cell: Cell, type: EventType, from: RunState | null, to: RunState): RunEvent {
    const seq = ++this.head;
    cell.record.seqs.push(seq);
    const about = { project: PROJECT, job: null, attempt: cell.attempt, executor: null };
    const run = cell.facts.id;
    return { seq, at: Date.now(), type, run, from, to, ...about, actor: null, data: null };
  }

  async commit(events: readonly RunEvent[], given: Partial<PartitionWrites> = {}): Promise<void> {
    const none = noWrites(this.partition, this.epoch);
    const said = { events: events.length, segment: encodeSegment(events) };
    await commitBatch(this.owner, [{ ...none, ...said, ...given }], null);
  }

  private newRun(): NewRun {
    return {
      id: this.id(),
      partition: this.partition,
      project: PROJECT,
      job: null,
      jobVersion: null,
      spec: SPEC,
      kind: 'SHELL',
      pool: 'default',
      need: 'shell',
      priority: 5,
      lane: '4711',
      at: null,
      afterMs: null,
      startDeadlineMs: null,
      retryOf: null,
      params: null,
      labels: null,
    };
  }

  /** Made now, as the product's ids are. */
  private id(): string {
    const hex = Date.now().toString(16).padStart(12, '0');
    const tail = `${this.partition}${String(++this.ids).padStart(11, '0')}`;
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${tail}`;
  }
}

function cellOf(run: NewRun, at: number): Cell {
  const none = { due: null, expires: null, dedup: null, cache: null };
  return {
    facts: { ...run, ...none, submittedAt: at, policy, params: 'null' },
    state: 'READY',
    lane: run.lane,
    rank: at,
    readyAt: at,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}
