import { type ChildProcess, fork } from 'node:child_process';
import { type ChildMessage, type ChildState, step } from './child.machine.js';
import { openLogFile } from './log-file.js';
import { createOutput } from './output.js';
import { type DevLog, messageOf } from './problem.js';

const OUTPUT_BOUND_MS = 250;

/**
 * Young objects die in batches here: with room for them, collecting costs a third (measured), and
 * the room is only taken under load.
 */
const EXEC_ARGV = ['--enable-source-maps', '--max-semi-space-size=32'];

export type Role = 'postgres' | 'broker' | 'gateway' | 'scheduler' | 'executor';

/** What a child sends: {ready: true, …} when it serves, or {ready: false, problem}. */
export type Report = Readonly<Record<string, unknown>> & { readonly ready: boolean };

export interface ChildSpec {
  readonly role: Role;
  readonly name: string;
  readonly entry: string;
  readonly logFile: string;
  /** Asked at each start, for a restart keeps the ports that were found at the first one. */
  readonly words: () => readonly string[];
  readonly variables: () => Readonly<Record<string, string>>;
}

export interface ChildEvents {
  readonly onChange: () => void;
  readonly onReady: (report: Report) => void;
  readonly onProblem: (problem: string) => void;
}

export interface Child {
  readonly role: Role;
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: ChildState['kind'];
  readonly failures: number;
  /** The latest report of a child that is ready. */
  readonly report: Report | undefined;
  start(): void;
  /** SIGTERM, and SIGKILL after the bound. Tolerates a stop without a start and two stops. */
  stop(boundMs: number): Promise<void>;
  /** SIGKILL at once. */
  kill(): void;
  /** False: there is no process to tell. */
  signal(signal: NodeJS.Signals): boolean;
}

export function createChild(spec: ChildSpec, events: ChildEvents, log: DevLog): Child {
  return new WatchedChild(spec, events, log);
}

class WatchedChild implements Child {
  readonly role: Role;
  readonly name: string;
  report: Report | undefined;
  private machine: ChildState = { kind: 'idle' };
  private process: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly ended: Promise<void>;
  private tellEnded: () => void = () => undefined;

  constructor(
    private readonly spec: ChildSpec,
    private readonly events: ChildEvents,
    private readonly log: DevLog,
  ) {
    this.role = spec.role;
    this.name = spec.name;
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  get state(): ChildState['kind'] {
    return this.machine.kind;
  }

  get failures(): number {
    return 'failures' in this.machine ? this.machine.failures : 0;
  }

  start(): void {
    this.send({ kind: 'start' });
  }

  async stop(boundMs: number): Promise<void> {
    this.send({ kind: 'stop' });
    const bound = setTimeout(() => {
      this.log.warn(`${this.name} did not end in time and is killed`);
      this.kill();
    }, boundMs);
    await this.ended;
    clearTimeout(bound);
  }

  kill(): void {
    this.signal('SIGKILL');
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.process?.kill(signal) ?? false;
  }

  private send(message: ChildMessage): void {
    this.machine = step(this.machine, message, performance.now(), (effect) => {
      switch (effect.kind) {
        case 'spawn':
          return this.spawn();
        case 'wait':
          this.timer = setTimeout(() => this.send({ kind: 'retry' }), effect.delayMs);
          return;
        case 'forget-wait':
          return clearTimeout(this.timer);
        case 'terminate':
          this.process?.kill('SIGTERM');
          return;
        case 'ended':
          return this.tellEnded();
        default:
          return effect satisfies never;
      }
    });
    this.events.onChange();
  }

  private spawn(): void {
    const { name, spec } = this;
    const file = openLogFile(spec.logFile);
    // Detached: a Ctrl-C of the terminal reaches the supervisor alone, which stops them in order.
    const child = fork(spec.entry, spec.words(), {
      env: spec.variables(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: EXEC_ARGV,
      detached: true,
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      const output = createOutput(file, (text) => this.log.error(`${name}: ${text}`));
      stream?.on('data', (chunk: Buffer) => output.take(chunk));
    }
    child.on('message', (message) => this.hear(message));
    child.on('error', (error) => this.log.error(`${name}: ${messageOf(error)}`));
    let gone = false;
    const leave = (code: number | null, signal: string | null): void => {
      if (gone) return;
      gone = true;
      file.close();
      this.process = undefined;
      this.report = undefined;
      if (this.machine.kind === 'ready') {
        this.log.warn(`${name} ended (${signal ?? `code ${code}`}) and is started again`);
      }
      this.send({ kind: 'exited' });
    };
    // `close` comes after the last output; a grandchild that holds the pipe must not delay us.
    child.once('close', leave);
    child.once('exit', (code, signal) => setTimeout(leave, OUTPUT_BOUND_MS, code, signal));
    if (child.pid === undefined) setImmediate(leave, null, 'no process');
  }

  private hear(message: unknown): void {
    if (typeof message !== 'object' || message === null || !('ready' in message)) return;
    const report = message as Report;
    if (report.ready === true) {
      this.report = report;
      this.send({ kind: 'reported' });
      this.events.onReady(report);
    } else if (typeof report['problem'] === 'string') {
      this.events.onProblem(report['problem']);
    }
  }
}
