import {
  EXECUTOR_STATES,
  type ExecutorState,
  type FinishedRun,
  OUTCOMES,
  type Outcome,
  type PartitionWrites,
  RUN_STATES,
  type RunEvent,
  type RunState,
  type SealedGrant,
  type SealedRun,
  noWrites,
} from '#core';
import {
  Connection,
  Specifications,
  appendLogs,
  claimPartition,
  commitBatch,
  sweepInbox,
  touchNode,
} from '#postgres';
import { encodeSegment } from '#protocol';

export interface TestRun {
  readonly id: string;
  readonly partition: number;
  readonly project: string;
}
interface Held {
  readonly epoch: number;
  seq: number;
}
interface Keys {
  readonly dedup: string | null;
  readonly cache: string | null;
  readonly expires: number;
}
const NO_KEYS: Keys = { dedup: null, cache: null, expires: 0 };
const THREAD = 'test.0';
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Stands in for a scheduler: owns partitions and writes what a test wants to have happened. */
export class TestOwner {
  private readonly connection: Connection;
  private readonly held = new Map<number, Held>();

  constructor(url: string) {
    this.connection = new Connection({ url, role: 'orrery_scheduler', name: 'test/owner' });
  }

  async stop(): Promise<void> {
    await this.connection.stop();
  }

  /** It says that it is there, as a thread does again and again. */
  async beSeen(): Promise<void> {
    await touchNode(this.connection, THREAD, 's', 'test');
  }

  /** Taken in, and moved to a state that is not final. */
  async move(run: TestRun, state: RunState, more: Partial<SealedRun> = {}): Promise<void> {
    const { seq } = await this.hold(run.partition);
    const changed: SealedRun[] = [
      {
        id: run.id,
        state: RUN_STATES.indexOf(state),
        lane: null,
        rank: 0,
        readyAt: null,
        attempt: 0,
        spent: 0,
        wasGranted: false,
        record: record(seq + 1),
        ...more,
      },
    ];
    await this.write(run, 'CHANGED', state, { changed, consumed: await this.inboxOf(run) });
  }

  /** As `updateRun` is done to a run that has not started. */
  async relabel(run: TestRun, labels: Readonly<Record<string, string>>): Promise<void> {
    const same = { priority: 5, due: null, expires: null, params: null };
    const amended = [{ run: run.id, ...same, labels: JSON.stringify(labels) }];
    await this.write(run, 'CHANGED', 'READY', { amended });
  }

  /** Granted to an executor, as its first attempt. */
  async open(run: TestRun, executor: string): Promise<void> {
    const { epoch, seq } = await this.hold(run.partition);
    const { id, project } = run;
    const attempt = { run: id, attempt: 1, executor, incarnation: 1, epoch, seq: seq + 1 };
    const granted: SealedGrant[] = [
      {
        run: id,
        state: RUN_STATES.indexOf('GRANTED'),
        startedAt: null,
        record: record(seq + 1),
        token: attempt,
        project,
        rank: 0,
        readyAt: Date.now(),
        spent: 1,
        isAgain: false,
      },
    ];
    await this.write(run, 'GRANTED', 'GRANTED', { granted, consumed: await this.inboxOf(run) });
  }

  async finish(
    run: TestRun,
    state: RunState,
    outcome: Outcome | null,
    more: Partial<FinishedRun> = {},
    keys: Keys = NO_KEYS,
  ): Promise<void> {
    const { seq } = await this.hold(run.partition);
    const finished: FinishedRun = {
      id: run.id,
      state: RUN_STATES.indexOf(state),
      readyAt: null,
      startedAt: null,
      attempt: 0,
      spent: 0,
      wasGranted: false,
      executor: null,
      record: record(seq + 1),
      outcome: outcome === null ? null : OUTCOMES.indexOf(outcome),
      finishedAt: Date.now(),
      retentionMs: 86_400_000,
      result: '{"answer":9007199254740993}',
      error: outcome === 'FAILED' ? '{"class":"Boom","message":"it broke"}' : null,
      ...more,
    };
    const consumed = await this.inboxOf(run);
    const { id, project } = run;
    const keyed = (key: string | null) => (key === null ? [] : [{ project, key, run: id }]);
    const { expires } = keys;
    await this.write(run, 'FINISHED', state, {
      finished: [finished],
      consumed,
      released: keyed(keys.dedup),
      cached: keyed(keys.cache).map((each) => ({ ...each, expires })),
    });
  }

  /** As the owner does it when a person changes the run. */
  async amend({ id: run, partition }: TestRun, change: { readonly params: string }): Promise<void> {
    const { epoch } = await this.hold(partition);
    const as = { priority: 5, due: null, expires: null, labels: null };
    const amended = [{ run, ...as, ...change }];
    await commitBatch(this.connection, [{ ...noWrites(partition, epoch), amended }], null);
  }

  async discard({ id: run, partition }: TestRun, by: string, reason: string): Promise<void> {
    const { epoch } = await this.hold(partition);
    const discarded = [{ run, by, reason }];
    await commitBatch(this.connection, [{ ...noWrites(partition, epoch), discarded }], null);
  }

  /** As its partition records an executor; its home may be any. */
  async executor(id: string, pool: string, state: ExecutorState, slots: number): Promise<void> {
    const { epoch } = await this.hold(0);
    const detail = { name: id, version: '1', slots, labels: {}, capabilities: [], draining: false };
    const record = JSON.stringify({ session: 's', detail });
    const code = EXECUTOR_STATES.indexOf(state);
    const open = { closed: null, emptyBy: null };
    const life = { incarnation: 1, since: Date.now() };
    const executors = [{ id, pool, state: code, ...life, record, ...open }];
    await commitBatch(this.connection, [{ ...noWrites(0, epoch), executors }], null);
  }

  /** What an executor of the run would have told of its first attempt. */
  async log(run: string, projectName: string, body: string): Promise<void> {
    const day = new Date().toISOString().slice(0, 10);
    const place = { day, run, partition: 0, attempt: 1, stream: 0, offset: 0 };
    const chunk = { ...place, project: projectName, body };
    await appendLogs(this.connection, [chunk]);
  }

  /** Answers every command in the inbox of the partition. */
  async answer(partition: number, outcome: unknown): Promise<number> {
    const { epoch } = await this.hold(partition);
    const rows = await this.inbox(partition);
    const commands = rows.filter(({ kind }) => kind !== 0).map(({ id }) => id);
    if (commands.length === 0) return 0;
    const answers = commands.map((command) => ({ command, outcome: JSON.stringify(outcome) }));
    const writes = { ...noWrites(partition, epoch), answers, consumed: commands };
    await commitBatch(this.connection, [writes], null);
    return commands.length;
  }

  /** For the owners of these partitions, whatever comes, until what was asked is heard. */
  async answering<T>(partitions: readonly number[], asked: Promise<T>): Promise<T> {
    let isOpen = true;
    const end = (): void => {
      isOpen = false;
    };
    void asked.then(end, end);
    while (isOpen) {
      for (const id of partitions) await this.answer(id, { ok: true, state: null });
    }
    return await asked;
  }

  /** What else a test wants to stand in the rows of a partition; nothing is told of it. */
  async put(partition: number, writes: Partial<PartitionWrites>): Promise<void> {
    const { epoch } = await this.hold(partition);
    await commitBatch(this.connection, [{ ...noWrites(partition, epoch), ...writes }], null);
  }

  private async write(
    run: TestRun,
    type: RunEvent['type'],
    to: RunState,
    writes: Partial<PartitionWrites>,
  ): Promise<void> {
    const held = await this.hold(run.partition);
    const { id, project, partition } = run;
    const event: RunEvent = {
      seq: held.seq + 1,
      at: Date.now(),
      type,
      run: id,
      project,
      job: null,
      from: 'SCHEDULED',
      to,
      attempt: 0,
      executor: null,
      actor: null,
      data: null,
    };
    const segment = encodeSegment([event]);
    const own = { ...noWrites(partition, held.epoch), ...writes, segment, events: 1 };
    await commitBatch(this.connection, [own], null);
    held.seq++;
  }

  private async hold(partition: number): Promise<Held> {
    let held = this.held.get(partition);
    if (held === undefined) {
      held = await claimPartition(this.connection, partition, 0, THREAD);
      if (held === undefined) throw new Error(`partition ${partition} has an owner already`);
      this.held.set(partition, held);
    }
    return held;
  }

  private async inboxOf(run: TestRun): Promise<string[]> {
    const rows = await this.inbox(run.partition);
    return rows.filter(({ ref, kind }) => kind === 0 && ref === run.id).map(({ id }) => id);
  }

  private async inbox(partition: number) {
    const from = [{ partition, after: FIRST_ID }];
    return await sweepInbox(this.connection, from, 10_000, new Specifications());
  }
}

const record = (seq: number): string => JSON.stringify({ attempts: [], seqs: [seq] });
