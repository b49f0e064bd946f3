import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Client, createClient } from '#client';
import { until } from '#actor';

const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
const MAIN = path.join(ROOT, 'dist', 'apps', 'cli', 'src', 'main.js');
const READY_MS = 60_000;
const STOP_MS = 10_000;

export interface Endpoint {
  readonly graphql: string;
  readonly ws: string;
  readonly mqtt: string;
  readonly databaseUrl: string;
  readonly adminKeyFile: string;
  readonly project: string;
  readonly processes: readonly {
    readonly role: string;
    readonly name: string;
    readonly pid: number;
  }[];
}

/** How it is started where that is not simply by us, from this checkout. */
export interface Launch {
  readonly program?: string;
  readonly words?: readonly string[];
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** In a process group of its own, all of which a terminal's Ctrl-C reaches. */
  readonly group?: boolean;
}

/** A whole Orrery in a home of its own, as `npm start` runs it. */
export class Orrery {
  private child: ChildProcess | undefined;
  private output = '';
  exitCode: number | null = null;

  constructor(
    readonly home = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery e2e ')),
    private readonly variables: Readonly<Record<string, string>> = {},
    private readonly launch: Launch = {},
  ) {
    fs.mkdirSync(this.home, { recursive: true });
    fs.chmodSync(this.home, 0o755);
    const { uid, gid } = launch;
    if (uid !== undefined && gid !== undefined) fs.chownSync(this.home, uid, gid);
  }

  get environment(): NodeJS.ProcessEnv {
    // What is meant for the test is no setting of the product, which refuses unknown names.
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ORRERY_'));
    return {
      ...Object.fromEntries(own),
      ORRERY_HOME: this.home,
      ORRERY_PORT: '0',
      ...this.variables,
    };
  }

  async start(words: readonly string[] = []): Promise<Endpoint> {
    const { program = process.execPath, words: first, group = false, ...where } = this.launch;
    const start = first ?? ['--enable-source-maps', MAIN, 'dev'];
    const child = spawn(program, [...start, ...words], {
      ...where,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: group,
    });
    this.child = child;
    this.exitCode = null;
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.output = (this.output + bytes.toString()).slice(-50_000);
      });
    }
    child.on('exit', (code) => {
      this.exitCode = code ?? 1;
    });
    await until(() => this.exitCode !== null || this.text.includes('Orrery is up'), READY_MS);
    if (this.exitCode !== null) throw new Error(`it has ended:\n${this.text}`);
    return this.endpoint();
  }

  /** Everything it has printed. */
  get text(): string {
    return this.output;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  endpoint(): Endpoint {
    return JSON.parse(fs.readFileSync(path.join(this.home, 'endpoint.json'), 'utf8')) as Endpoint;
  }

  key(): string {
    return fs.readFileSync(this.endpoint().adminKeyFile, 'utf8').trim();
  }

  client(): Client {
    return createClient({ url: this.endpoint().graphql, key: this.key() });
  }

  pidsOf(role: string): number[] {
    return this.endpoint()
      .processes.filter((process) => process.role === role)
      .map((process) => process.pid);
  }

  /** The lines of a log in the home, each read as JSON; what is none is left out. */
  log(name: string): Readonly<Record<string, unknown>>[] {
    const text = fs.readFileSync(path.join(this.home, 'logs', `${name}.log`), 'utf8');
    const lines = text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ctrl-C; answers the exit code and how long it took. */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const began = performance.now();
    const child = this.child;
    if (child === undefined || this.exitCode !== null) return { code: this.exitCode, ms: 0 };
    if (this.launch.group === true) process.kill(-this.pid, 'SIGINT');
    else child.kill('SIGINT');
    await until(() => this.exitCode !== null, STOP_MS);
    return { code: this.exitCode, ms: performance.now() - began };
  }

  /** The end of a test: nothing of it is left. */
  async remove(): Promise<void> {
    const pids = fs.existsSync(path.join(this.home, 'endpoint.json'))
      ? this.endpoint().processes.map((process) => process.pid)
      : [];
    try {
      await this.stop();
    } finally {
      for (const pid of [this.pid, ...pids]) kill(pid);
      if (this.launch.group === true) kill(-this.pid);
      fs.rmSync(this.home, { recursive: true, force: true });
    }
  }
}

export function kill(pid: number): void {
  try {
    if (pid !== 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended already.
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The `orrery` command, as a person runs it. */
export async function cli(
  orrery: Orrery,
  words: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: orrery.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  const code = await new Promise<number>((resolve) =>
    child.on('close', (ended) => resolve(ended ?? 1)),
  );
  return { code, out, err };
}
