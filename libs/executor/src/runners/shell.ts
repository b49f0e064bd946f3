import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Ending } from '#core';
import { Output } from './output.js';
import { type Mark, isGroupAlive, killMarked, signalGroup, signalTree } from './processes.js';
import { isJson, readResult } from './result-file.js';
import {
  type Attempt,
  type AttemptSink,
  type Runner,
  type Running,
  endError,
  endingOf,
  failed,
} from './runner.js';
import type { ShellSpec } from './spec.js';
import { TreeUsage } from './usage.js';
import type { Wheel } from './wheel.js';

export interface ShellOptions {
  readonly executor: string;
  /** Below it each attempt gets a directory of its own. */
  readonly workDirectory: string;
  /** What every job's environment begins with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly wheel: Wheel;
}

/** The leader's last words may still be in the pipe; who holds it open must not hold us. */
const DRAIN_MS = 500;
/** Killed processes need a moment; one that hangs in the kernel stays for longer than we wait. */
const DYING_MS_MAX = 2_000;
/** Looking costs a walk over /proc, so ever more rarely. */
const POLL_MS_MIN = 25;
const POLL_MS_MAX = 200;
/** One variable holds at most 128 KiB on Linux; well below it params go to ORRERY_PARAMS_FILE. */
const PARAMS_BYTES_MAX = 64 * 1024;
const MESSAGE_CHARS = 500;
/** What it uses is looked at ever more rarely: a long attempt is known to a second. */
const LOOK_MS_MIN = 25;
const LOOK_MS_MAX = 1_000;
const LOOKS_AN_AGE = 8;

/**
 * Runs a command line in a process group of its own. What it leaves running in its group when it
 * ends is killed: an attempt that is over runs nothing.
 */
export class ShellRunner implements Runner {
  constructor(private readonly options: ShellOptions) {}

  run(attempt: Attempt, sink: AttemptSink): Running {
    const { spec } = attempt;
    if (spec.kind !== 'shell') throw new Error(`no shell attempt: ${spec.kind}`);
    return new ShellAttempt(attempt, spec, sink, this.options);
  }
}

class ShellAttempt implements Running {
  private readonly stdout = new Output();
  private readonly stderr = new Output();
  private readonly directory: string;
  private readonly resultFile: string;
  private readonly child: ChildProcess;
  private exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  private isClosed = false;
  private isStopping = false;
  private isKilled = false;
  private isFrozen = false;
  private isDone = false;
  private disarm: (() => void) | undefined;
  private readonly usage: TreeUsage | undefined;
  private disarmLook: (() => void) | undefined;

  constructor(
    private readonly attempt: Attempt,
    spec: ShellSpec,
    private readonly sink: AttemptSink,
    private readonly options: ShellOptions,
  ) {
    this.directory = path.join(options.workDirectory, nameOf(attempt));
    this.resultFile = path.join(this.directory, 'result.json');
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.child = spawn(spec.shell, ['-c', spec.command], {
      cwd: path.resolve(this.directory, spec.workingDirectory ?? '.'),
      env: this.environment(spec),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { child } = this;
    this.usage = child.pid === undefined ? undefined : new TreeUsage(child.pid);
    this.lookAfter(0);
    child.on('error', (error) => this.cannotSpawn(error, spec));
    child.on('spawn', () => sink.started());
    child.on('exit', (code, signal) => this.exited(code, signal));
    child.on('close', () => {
      this.isClosed = true;
      this.settle();
    });
    if (child.stdout !== null) this.read(child.stdout, 'stdout', this.stdout);
    if (child.stderr !== null) this.read(child.stderr, 'stderr', this.stderr);
  }

  stop(): void {
    this.isStopping = true;
    if (this.child.pid !== undefined) signalGroup(this.child.pid, 'SIGTERM');
    // What stands still hears of it when it goes on.
    this.goOn();
  }

  freeze(on: boolean): boolean {
    const { pid } = this.child;
    if (pid === undefined || this.exit !== undefined || this.isStopping) return false;
    if (!on) this.goOn();
    else {
      this.isFrozen = true;
      signalTree(pid, this.options.executor, this.mark, 'SIGSTOP');
    }
    return true;
  }

  private goOn(): void {
    const { pid } = this.child;
    if (pid === undefined || !this.isFrozen) return;
    this.isFrozen = false;
    signalTree(pid, this.options.executor, this.mark, 'SIGCONT');
  }

  kill(): void {
    this.isStopping = true;
    this.isKilled = true;
    this.killTree();
    if (this.exit !== undefined) this.settle();
  }

  private killTree(): void {
    const { pid } = this.child;
    if (pid === undefined || this.isDone) return;
    signalGroup(pid, 'SIGKILL');
    killMarked(this.options.executor, [this.mark]);
  }

  private get mark(): Mark {
    const { run, attempt } = this.attempt.token;
    return { run, attempt };
  }

  private environment(spec: ShellSpec): Record<string, string> {
    const { token, work } = this.attempt;
    const params = work.params ?? 'null';
    const variables: Record<string, string> = {
      ...this.options.environment,
      ...spec.environment,
      ORRERY_RUN_ID: token.run,
      ORRERY_ATTEMPT: String(token.attempt),
      ORRERY_JOB: work.job,
      ORRERY_PROJECT: work.project,
      ORRERY_EXECUTOR: this.options.executor,
      ORRERY_RESULT_FILE: this.resultFile,
    };
    if (Buffer.byteLength(params) <= PARAMS_BYTES_MAX) variables['ORRERY_PARAMS'] = params;
    else {
      const file = path.join(this.directory, 'params.json');
      writeFileSync(file, params, { mode: 0o600 });
      variables['ORRERY_PARAMS_FILE'] = file;
    }
    return variables;
  }

  private read(stream: Readable, name: 'stdout' | 'stderr', output: Output): void {
    stream.on('data', (chunk: Buffer) => {
      output.push(chunk);
      const more = this.sink.log(name, chunk, () => stream.resume());
      // What was written before the exit is read to its end, within the bound of the drain.
      if (!more && this.exit === undefined) stream.pause();
    });
    stream.on('error', () => undefined); // 'close' follows
    // Mostly its last holder is dying and not yet waited for: all its processor time can be read.
    stream.on('end', () => this.look());
  }

  /** Once its exit is known, its number may be another's. */
  private look(): void {
    if (this.exit === undefined) this.usage?.look();
  }

  private lookAfter(ageMs: number): void {
    const delayMs = Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, ageMs / LOOKS_AN_AGE));
    this.disarmLook = this.options.wheel.arm(delayMs, () => {
      this.look();
      this.lookAfter(ageMs + delayMs);
    });
  }

  private cannotSpawn(error: NodeJS.ErrnoException, spec: ShellSpec): void {
    if (this.child.pid !== undefined) return; // a signal that could not be sent
    const where = spec.workingDirectory ?? this.directory;
    const what = `${spec.shell} could not be started in ${where}: ${error.message}`;
    this.finish(failed('SPAWN', what));
  }

  private exited(code: number | null, signal: string | null): void {
    this.exit = { code, signal };
    // Somebody else has ended it: what it leaves behind does not stand still for ever.
    this.goOn();
    this.disarmLook?.();
    this.child.stdout?.resume();
    this.child.stderr?.resume();
    this.settle();
  }

  /** After the exit: the pipes are drained, then the group is dead, then it is over. */
  private settle(): void {
    if (this.exit === undefined || this.isDone) return;
    this.disarm?.();
    const { wheel } = this.options;
    if (this.isStopping) {
      // Others of the group may still be at their farewell, until `kill`.
      const boundMs = this.isKilled ? DYING_MS_MAX : Number.POSITIVE_INFINITY;
      this.whenDead(boundMs, POLL_MS_MIN);
    } else if (this.isClosed) this.cleanUp();
    else this.disarm = wheel.arm(DRAIN_MS, () => this.cleanUp());
  }

  private cleanUp(): void {
    const { pid } = this.child;
    if (pid !== undefined) signalGroup(pid, 'SIGKILL');
    this.whenDead(DYING_MS_MAX, POLL_MS_MIN);
  }

  private whenDead(boundMs: number, pollMs: number): void {
    const { pid } = this.child;
    if (pid === undefined || boundMs <= 0 || !isGroupAlive(pid)) {
      // Who left the group heard no SIGTERM: the attempt is over only without them.
      if (this.isStopping) this.killTree();
      return this.finish(this.ending());
    }
    const again = (): void => this.whenDead(boundMs - pollMs, Math.min(POLL_MS_MAX, pollMs * 2));
    this.disarm = this.options.wheel.arm(pollMs, again);
  }

  private ending(): Ending {
    const { code, signal } = this.exit ?? { code: null, signal: null };
    const known = { exitCode: code, signal };
    if (code === 0) {
      const ending = this.successOr();
      return { ...ending, ...known };
    }
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const said = this.stderr.lastLine() ?? this.stdout.lastLine();
    const message = said === undefined ? how : `${how}: ${said.slice(0, MESSAGE_CHARS)}`;
    const more = { code: signal ?? String(code), stack: this.stderr.excerpt() || undefined };
    const error = endError(signal === null ? 'EXIT' : 'SIGNAL', message, more);
    return endingOf('FAILED', { ...known, error, result: this.outputs() });
  }

  /** The file, else the last line of stdout, when that is JSON, else both streams' ends. */
  private successOr(): Ending {
    const file = readResult(this.resultFile);
    if (file !== undefined) return file;
    const line = this.stdout.lastLine();
    return endingOf('SUCCEEDED', {
      result: line !== undefined && isJson(line) ? line : this.outputs(),
    });
  }

  private outputs(): string {
    return JSON.stringify({ stdout: this.stdout.last(), stderr: this.stderr.last() });
  }

  private finish(ending: Ending): void {
    if (this.isDone) return;
    this.isDone = true;
    this.disarm?.();
    this.disarmLook?.();
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    // What cannot be removed now is removed at the next start.
    void rm(this.directory, { recursive: true, force: true }).catch(() => undefined);
    this.sink.ended({ ...ending, ...this.usage?.figures });
  }
}

/** Ids come from the wire and must not climb out of their directory. */
function nameOf({ token }: Attempt): string {
  const run = token.run.replaceAll(/[^A-Za-z0-9-]/g, '_').slice(0, 100);
  return `${run}.${token.attempt}.${token.epoch}.${token.seq}`;
}
