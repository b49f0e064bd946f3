import { randomUUID } from 'node:crypto';
import {
  type CommandAction,
  DEFAULT_RETRY,
  LIMITS,
  INBOX_COMMAND,
  type Outcome,
  type Policy,
  type Token,
  laneOf,
  partitionOf,
} from '#core';
import {
  type Connection,
  type IntakeBatch,
  type NewRun,
  PostgresStore,
  intakeBatch,
} from '#postgres';
import {
  type Down,
  type ExecutorBirth,
  type Up,
  decodeEnvelope,
  downCodec,
  encodeCommand,
  softCodec,
  topicsOf,
} from '#protocol';
import { ThreadHost, type ThreadMessage } from '#thread';
import { MortalConnection } from './mortal-connection.js';

/** The thread's second, shorter: what is restated is restated sooner. */
const SECOND_MS = 200;
const quiet = (): void => undefined;
const silent = { debug: quiet, info: quiet, warn: quiet };

export interface RigOptions {
  readonly thread?: string;
  readonly partitions?: number;
  readonly project?: string;
  /** Other threads, by name: they hear what is said to them. */
  readonly peers?: ReadonlyMap<string, ThreadRig>;
}

/**
 * One scheduler thread with the real database and no broker: what it publishes is collected, what
 * an executor would say is put into its mailbox by hand.
 */
export class ThreadRig {
  readonly host: ThreadHost;
  readonly partitions: number;
  private readonly peers: RigOptions['peers'];
  readonly down: Down[] = [];
  readonly project: string;
  readonly spec = randomUUID();
  readonly errors: string[] = [];
  private readonly mailbox: ThreadMessage[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  /** What the next submissions are judged by; before the first. */
  policy: Policy = {
    retry: { ...DEFAULT_RETRY, maxAttempts: 1 },
    timeoutMs: 60_000,
    graceMs: 1_000,
    lostAfterMs: 10_000,
    retentionMs: 86_400_000,
    jobName: 'job',
    projectName: 'project',
  };
  /** Of the executors this rig speaks for. */
  session = 's1';
  private readonly connections: MortalConnection[] = [];
  private readonly intake: Connection;
  private readonly control: MortalConnection;
  /** Answers to reads that have come. */
  reads = 0;
  /** How often it has heard who owns what. */
  views = 0;
  private stopSeconds = (): void => undefined;
  private turning = false;
  private isDead = false;

  constructor(url: string, life: string, options: RigOptions = {}) {
    const { thread = 't1', partitions = 8, project = randomUUID() } = options;
    this.peers = options.peers;
    this.project = project;
    this.partitions = partitions;
    const connection = (role: 'orrery_intake' | 'orrery_scheduler'): MortalConnection => {
      const name = `orrery/${thread}/test`;
      const made = new MortalConnection({ url, role, name, pinned: true });
      this.connections.push(made);
      return made;
    };
    this.intake = connection('orrery_intake');
    this.control = connection('orrery_scheduler');
    this.host = new ThreadHost(
      {
        thread,
        session: 'test',
        scheduler: 'scheduler',
        partitions,
        life,
        silentAfterMs: 15_000,
        massLossAfterMs: 60_000,
        ...{ topics: topicsOf('test'), limits: LIMITS },
      },
      {
        wire: { publish: (topic, payload) => this.published(topic, payload) },
        store: new PostgresStore({
          commits: connection('orrery_scheduler'),
          reads: connection('orrery_scheduler'),
          control: this.control,
        }),
        mono: () => performance.now(),
        log: { ...silent, error: (message) => void this.errors.push(message) },
        tell: (message) => this.tell(message),
        after: (delayMs, run) => this.after(delayMs, run),
      },
    );
  }

  start(): void {
    this.host.start();
    this.tell({ kind: 'link', up: true });
    this.tell({ kind: 'second' });
    this.stopSeconds = this.every(SECOND_MS, () => this.tell({ kind: 'second' }));
  }

  /** Nothing is restated: what happens, happens by what is said. */
  pauseSeconds = (): void => this.stopSeconds();

  /** Until it is called off, or the rig stops. */
  every(ms: number, run: () => void): () => void {
    const timer = setInterval(run, ms);
    this.timers.add(timer);
    return () => clearInterval(timer);
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    await new Promise<void>((done) => this.host.stop(done));
    for (const connection of this.connections) await connection.stop();
  }

  /** As a process that dies: nothing is released, nothing is said or heard any more. */
  kill(): void {
    this.isDead = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const connection of this.connections) connection.cut();
  }

  /** It hears nothing more of who owns what, and cannot say that it is here; the rest goes on. */
  isolate(on = true): void {
    this.control.cut(on);
  }

  /** Into the mailbox; a slice is stepped in a turn of its own, as the actor does it. */
  tell(message: ThreadMessage): void {
    if (this.isDead) return;
    if (message.kind === 'read') this.reads++;
    if (message.kind === 'view') this.views++;
    this.mailbox.push(message);
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => {
      this.turning = false;
      if (this.isDead) return;
      for (const next of this.mailbox.splice(0)) this.host.receive(next);
      this.host.settle();
    });
  }

  /** An executor is born; its incarnation is in the welcome. */
  born(executor: string, slots: number, incarnation: number | null, life: string | null): void {
    const presence: ExecutorBirth = {
      v: 1,
      state: 'birth',
      session: this.session,
      incarnation,
      cluster: life,
      name: executor,
      version: '0',
      pool: 'default',
      slots,
      labels: {},
      capabilities: ['shell'],
      draining: false,
    };
    this.tell({ kind: 'presence', executor, presence });
  }

  up(executor: string, ...items: readonly Up[]): void {
    this.tell({ kind: 'up', executor, items });
  }

  async submit(count: number, given: Partial<NewRun> = {}): Promise<string[]> {
    const priority = given.priority ?? 5;
    const key = { pool: 'default', need: 'shell', project: this.project, priority };
    const runs = Array.from({ length: count }, (): NewRun => {
      const id = randomUUID();
      return {
        ...key,
        id,
        partition: partitionOf(id, this.partitions),
        job: null,
        jobVersion: null,
        spec: this.spec,
        kind: 'SHELL',
        lane: laneOf(key),
        at: null,
        afterMs: null,
        startDeadlineMs: null,
        retryOf: null,
        params: null,
        labels: null,
        ...given,
      };
    });
    const { project, spec: hash, policy } = this;
    const specifications = [{ project, hash, body: '{"kind":"shell","command":"true"}', policy }];
    await this.write({ specifications, runs });
    return runs.map((run) => run.id);
  }

  async cancel(run: string, id?: string): Promise<string> {
    return await this.command(run, { kind: 'cancel', graceMs: 50, force: false }, id);
  }

  /** A command as the gateway writes it; answers its id. */
  async command(run: string, action: CommandAction, id: string = randomUUID()): Promise<string> {
    const payload = encodeCommand({ ...action, reason: 'enough', by: 'ada' });
    const partition = partitionOf(run, this.partitions);
    await this.write({ commands: [{ id, partition, kind: INBOX_COMMAND, ref: run, payload }] });
    return id;
  }

  private async write(rows: Partial<IntakeBatch>): Promise<void> {
    const none = { specifications: [], runs: [], commands: [], keys: [] };
    await intakeBatch(this.intake, { id: randomUUID(), ...none, ...rows });
    for (let partition = 0; partition < this.partitions; partition++) {
      this.tell({ kind: 'soft', items: [{ kind: 'nudge', partition }] });
    }
  }

  /** The attempts that were assigned, each once, in that order. */
  tokens(): Token[] {
    const assigned = this.downOf('assign').map(({ token }) => token);
    return [...new Map(assigned.map((token) => [`${token.run}/${token.seq}`, token])).values()];
  }

  startedOf(token: Token): Up {
    const partition = partitionOf(token.run, this.partitions);
    return { kind: 'started', partition, token, agoMs: 0 };
  }

  resultOf(token: Token, result: string | null = '"ok"', outcome: Outcome = 'SUCCEEDED'): Up {
    return {
      kind: 'result',
      partition: partitionOf(token.run, this.partitions),
      token,
      outcome,
      startedAgoMs: 5,
      finishedAgoMs: 0,
      exitCode: 0,
      signal: null,
      result,
      error: null,
      cpuMs: null,
      memoryPeakBytes: null,
    };
  }

  downOf<K extends Down['kind']>(kind: K): Extract<Down, { kind: K }>[] {
    return this.down.filter((item): item is Extract<Down, { kind: K }> => item.kind === kind);
  }

  private published(topic: string, payload: string): boolean {
    const [, , , , to = '', last] = topic.split('/');
    const soft = last === 'in' && decodeEnvelope(softCodec, payload);
    if (soft && soft.ok) this.peers?.get(to)?.tell({ ...soft.envelope, kind: 'soft' });
    if (!topic.endsWith('/down')) return true;
    const decoded = decodeEnvelope(downCodec, payload);
    if (decoded.ok) this.down.push(...decoded.envelope.items);
    return true;
  }

  private after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, delayMs);
    this.timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.timers.delete(timer);
    };
  }
}
