import {
  type Closed,
  type CommandAction,
  INBOX_COMMAND,
  INBOX_EXECUTOR,
  INBOX_JOB,
  INBOX_SUBMIT,
  type Millis,
  type Policy,
  laneOf,
  partitionOf,
} from '#core';
import {
  type Soft,
  encodeClose,
  encodeCommand,
  encodeEnvelope,
  encodeHint,
  softCodec,
} from '#protocol';
import type { Broker, BrokerLink } from '../broker/broker.js';
import type { World } from '../kernel/world.js';
import { DatabaseLink } from '../store/link.js';
import type { DatabaseServer } from '../store/server.js';
import { type LiveRow, runNow } from '../store/tables.js';
import { type Script, encodeScript } from './job.js';
import { Process } from './process.js';
import { topics } from './scheduler.js';

export const PROJECT = '00000000-0000-4000-8000-0000000000aa';
const KIND_SHELL = 0;
const REPEAT_MS = 300;
const RECENT = 40;

export interface Submission {
  readonly spec: string;
  readonly job: string | null;
  readonly afterMs: Millis | null;
  readonly startDeadlineMs: Millis | null;
  readonly priority: number;
  readonly script: Script;
}
/** What the user of the system knows: what was acknowledged, and what was asked. */
export interface Acknowledged extends Submission {
  readonly run: string;
  readonly at: Millis;
}

/** A gateway with its users: rows first, then the answer, then a hint. */
export class GatewayNode {
  readonly process: Process;
  readonly acknowledged = new Map<string, Acknowledged>();
  /** The latest of them. */
  readonly recent: string[] = [];
  /** Sent, whatever became of it. */
  readonly sent = new Set<string>();
  readonly commands = new Map<string, { readonly run: string; readonly action: CommandAction }>();
  private readonly link: DatabaseLink;
  private brokerLink: BrokerLink | undefined;
  private ids = 0;

  constructor(
    private readonly world: World,
    private readonly server: DatabaseServer,
    private readonly broker: Broker,
  ) {
    this.process = new Process(world, 'gateway', 1);
    this.link = new DatabaseLink(server, this.process.after);
  }

  start(): void {
    this.process.begin();
    this.connect();
  }

  define(spec: string, policy: Policy): void {
    this.server.tables.specifications.set(`${PROJECT}/${spec}`, { body: '{}', policy });
  }

  submit(submission: Submission): void {
    const run = this.newId('r');
    const { server } = this;
    this.sent.add(run);
    const batch = this.newId('b');
    const write = (): LiveRow | undefined => {
      const { tables } = server;
      if (tables.intakes.has(batch)) return undefined;
      tables.intakes.set(batch, server.at);
      const row = rowOf(run, submission, server.at, tables.partitions.length);
      const table = tables.partition(row.partition);
      table.live.set(run, row);
      const inbox = { id: run, kind: INBOX_SUBMIT, ref: run, payload: null, tries: 0 };
      table.inbox.set(run, inbox);
      return row;
    };
    this.until(write, (row) => {
      this.acknowledged.set(run, { ...submission, run, at: this.world.now });
      this.recent.push(run);
      if (this.recent.length > RECENT) this.recent.shift();
      if (row !== undefined) this.hint(row, submission);
    });
  }

  isHeld(job: string): boolean {
    return this.server.tables.holds.has(job);
  }

  closed(): string[] {
    const cells = this.server.tables.partitions.flatMap(({ executors }) => [...executors.values()]);
    return cells.filter(({ closed }) => closed !== null).map(({ id }) => id);
  }

  isLive(run: string): boolean {
    return this.server.tables.find(run) !== undefined;
  }

  /** What its owners gave up, as a list of runs shows it. */
  parked(): string[] {
    const live = this.server.tables.partitions.flatMap((table) =>
      [...table.live.values()].map((row) => runNow(table, row)),
    );
    return live.filter(({ record }) => record?.includes('"parked"') === true).map(({ id }) => id);
  }

  command(run: string, action: CommandAction): void {
    const id = this.newId('c');
    const { tables } = this.server;
    const partition = partitionOf(run, tables.partitions.length);
    this.commands.set(id, { run, action });
    const payload = encodeCommand({ ...action, by: 'somebody', reason: 'asked' });
    const write = (): void => {
      if (tables.intakes.has(id)) return;
      tables.intakes.set(id, this.server.at);
      const entry = { id, kind: INBOX_COMMAND, ref: run, payload, tries: 0 };
      tables.partition(partition).inbox.set(id, entry);
    };
    this.until(write, () => this.say(partition, { kind: 'nudge', partition }));
  }

  /** Drains, cordons or activates an executor. */
  close(executor: string, as: Closed['as'] | null, withinMs: Millis | null): void {
    const id = this.newId('e');
    const { tables } = this.server;
    const partition = partitionOf(`executor/${executor}`, tables.partitions.length);
    const payload = encodeClose({ executor, as, by: 'somebody', reason: 'asked', withinMs });
    const write = (): void => {
      if (tables.intakes.has(id)) return;
      tables.intakes.set(id, this.server.at);
      const entry = { id, kind: INBOX_EXECUTOR, ref: id, payload, tries: 0 };
      tables.partition(partition).inbox.set(id, entry);
    };
    this.until(write, () => this.say(partition, { kind: 'nudge', partition }));
  }

  /** Pauses or resumes a job: its row, and a word to each partition. */
  hold(job: string, isPaused: boolean): void {
    const { tables } = this.server;
    const id = this.newId('h');
    const write = (): void => {
      if (tables.intakes.has(id)) return;
      tables.intakes.set(id, this.server.at);
      if (isPaused) tables.holds.set(job, { by: 'somebody', reason: 'asked' });
      else tables.holds.delete(job);
      for (const table of tables.partitions) {
        const entry = { id: this.newId('j'), kind: INBOX_JOB, ref: job, payload: null, tries: 0 };
        table.inbox.set(entry.id, entry);
      }
    };
    this.until(write, () => {
      for (const { id: partition } of tables.partitions) {
        this.say(partition, { kind: 'nudge', partition });
      }
    });
  }

  /** Whatever becomes of a call, the same is asked again until it is answered. */
  private until<T>(write: () => T, done: (answer: T) => void): void {
    this.link.call(write, (served) => {
      if (served.kind === 'answer') done(served.value);
      else this.process.after(REPEAT_MS, () => this.until(write, done));
    });
  }

  private hint(row: LiveRow, { afterMs }: Submission): void {
    if (afterMs !== null && afterMs > 0 && this.world.random.chance(0.5)) return;
    const { partition } = row;
    const facts = {
      id: row.id,
      partition,
      project: PROJECT,
      job: row.job,
      jobVersion: null,
      spec: row.spec,
      kind: 'SHELL' as const,
      pool: row.pool,
      need: row.need,
      priority: row.priority,
      due: row.due,
      expires: row.expires,
      submittedAt: row.submitted,
      dedup: null,
      cache: null,
      params: row.params ?? undefined,
    };
    this.say(partition, { kind: 'submitted', partition, row: encodeHint(facts) });
  }

  private say(partition: number, item: Soft): void {
    const { owner } = this.server.tables.partition(partition);
    if (owner === null) return;
    const payload = encodeEnvelope(softCodec, { sender: 'gateway', session: '', items: [item] });
    this.brokerLink?.publish(topics.threadIn(owner), payload);
  }

  private connect(): void {
    const { process } = this;
    this.brokerLink = this.broker.connect(
      {
        id: 'gateway',
        filters: [],
        will: { topic: 'gateway', payload: '' },
        deliver: () => undefined,
        closed: () => {
          this.brokerLink = undefined;
          process.after(1_000, () => this.connect());
        },
      },
      process.after,
    );
    if (this.brokerLink === undefined) process.after(1_000, () => this.connect());
  }

  private newId(letter: string): string {
    const kind = letter.charCodeAt(0).toString(16).padStart(4, '0');
    const n = (++this.ids).toString(16).padStart(8, '0');
    const chance = this.world.random.bits().toString(16).padStart(8, '0');
    return `${n}-0000-4000-8000-${kind}${chance}`;
  }
}

function rowOf(run: string, of: Submission, at: Millis, partitions: number): LiveRow {
  const { spec, job, afterMs, startDeadlineMs, priority, script } = of;
  const due = afterMs === null ? null : at + afterMs;
  const isLater = due !== null && due > at;
  const key = { pool: 'default', need: 'shell', project: PROJECT, priority };
  // Each by its name: to copy some of them costs more than all the rest.
  return {
    pool: key.pool,
    need: key.need,
    project: key.project,
    priority,
    id: run,
    partition: partitionOf(run, partitions),
    job,
    job_version: null,
    spec,
    kind: KIND_SHELL,
    state: 0,
    lane: isLater ? '0' : laneOf(key),
    rank: Math.round(isLater ? due : at + (priority - 1) * 60_000),
    due,
    expires: startDeadlineMs === null ? null : (due ?? at) + startDeadlineMs,
    submitted: at,
    ready: null,
    started: null,
    attempt: 0,
    spent: 0,
    taken: false,
    dedup: null,
    cache: null,
    params: encodeScript(script),
    params_left: false,
    record: null,
  };
}
