import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock, until } from '#actor';
import type { Ending, Millis, Token, Work } from '#core';
import { ledgerKey } from '#core';
import { FunctionRunner, type Handlers } from '../functions/runner.js';
import { Attempts } from '../runners/attempts.js';
import type { Attempt, Stream } from '../runners/runner.js';
import { parseAllowed } from '../runners/http/allow.js';
import { HttpRunner } from '../runners/http/http.js';
import type { Resolve } from '../runners/http/lookup.js';
import { ShellRunner } from '../runners/shell.js';
import { readSpec } from '../runners/spec.js';
import { Wheel } from '../runners/wheel.js';

const BOUND_MS = 8_000;

export interface BenchGiven {
  /** What http jobs may ask. */
  readonly allow?: readonly string[];
  readonly resolve?: Resolve;
  readonly memoryBytesMax?: number;
}

/** Real runners under their supervisor, and what they say. */
export class RunnerBench {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'orrery-runners-'));
  readonly started: string[] = [];
  readonly endings = new Map<string, Ending>();
  readonly progress: string[] = [];
  readonly attempts: Attempts;
  readonly functions: FunctionRunner;
  private readonly texts = new Map<string, string>();
  private readonly wheel = new Wheel(systemClock);
  private seq = 0;

  constructor(handlers: Handlers = {}, threadsMax = 2, given: BenchGiven = {}) {
    const { allow = [], resolve, ...limits } = given;
    const shells = new ShellRunner({
      executor: 'x',
      workDirectory: this.directory,
      environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/', LANG: 'C.UTF-8' },
      wheel: this.wheel,
    });
    this.functions = new FunctionRunner({ handlers, threadsMax, ...limits });
    const requests = new HttpRunner({
      allow: allow.flatMap((text) => parseAllowed(text) ?? []),
      userAgent: 'orrery/test',
      clock: systemClock,
      resolve: resolve ?? (() => Promise.reject(new Error('no names in tests'))),
    });
    const runners = { shell: shells, http: requests, function: this.functions };
    this.attempts = new Attempts(
      (spec) => runners[spec.kind],
      {
        started: ({ token }) => this.started.push(token.run),
        ended: ({ token }, ending) => this.endings.set(token.run, ending),
        log: ({ token }, stream, chunk) => {
          const key = `${token.run} ${stream}`;
          this.texts.set(key, (this.texts.get(key) ?? '') + chunk.toString());
          return true;
        },
        progress: ({ token }, percent, message) =>
          this.progress.push(`${token.run} ${percent} ${message}`),
      },
      this.wheel,
      () => systemClock.elapsed(),
    );
  }

  start(run: string, spec: object, more: Partial<Work> = {}): Token {
    this.seq += 1;
    const { seq } = this;
    const token = { run, attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq };
    const work: Work = {
      kind: 'SHELL',
      spec: JSON.stringify(spec),
      params: null,
      project: 'p',
      job: 'j',
      timeoutMs: 60_000,
      graceMs: 1_000,
      heartbeatMs: null,
      stopAfterMs: null,
      ...more,
    };
    const read = readSpec(work);
    if (read.kind !== 'known') throw new Error(JSON.stringify(read));
    const key = ledgerKey(token);
    const attempt: Attempt = {
      ...{ key, partition: 0, token, work, spec: read.spec },
      acceptedAt: Date.now(),
    };
    this.attempts.start(attempt);
    return token;
  }

  async ended(run: string, boundMs: Millis = BOUND_MS): Promise<Ending> {
    await until(() => this.endings.has(run), boundMs);
    return this.endings.get(run) as Ending;
  }

  async shell(command: string, more: object = {}, work: Partial<Work> = {}): Promise<Ending> {
    const run = `run-${this.seq + 1}`;
    this.start(run, { kind: 'shell', command, ...more }, work);
    return this.ended(run);
  }

  async http(url: string, more: object = {}, work: Partial<Work> = {}): Promise<Ending> {
    const run = `run-${this.seq + 1}`;
    this.start(run, { kind: 'http', url, ...more }, work);
    return this.ended(run);
  }

  async call(name: string, params: unknown = null): Promise<Ending> {
    const run = `run-${this.seq + 1}`;
    this.start(run, { kind: 'function', name }, { params: JSON.stringify(params) });
    return this.ended(run);
  }

  logOf(run: string, stream: Stream): string {
    return this.texts.get(`${run} ${stream}`) ?? '';
  }

  close(): void {
    this.attempts.stopAll(0);
    this.functions.stop();
    this.wheel.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
