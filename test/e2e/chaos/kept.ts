import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import { kill } from '../support/orrery.js';

const AGAIN_MS = 200;

/** A process that is begun anew whenever it ends, as a service manager would. */
export class Kept {
  private child: ChildProcess | undefined;
  private isOver = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly name: string,
    private readonly file: string,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly log: string,
  ) {}

  get pid(): number {
    return this.child?.exitCode === null && this.child.signalCode === null
      ? (this.child.pid ?? 0)
      : 0;
  }

  start(): void {
    const out = fs.openSync(this.log, 'a');
    const child = fork(this.file, [], {
      env: this.environment,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', out, out, 'ipc'],
    });
    fs.closeSync(out);
    this.child = child;
    child.on('error', () => undefined);
    child.once('exit', () => {
      if (!this.isOver) this.timer = setTimeout(() => this.start(), AGAIN_MS);
    });
  }

  stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    kill(this.child?.pid ?? 0);
  }
}
