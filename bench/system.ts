import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { type Client, createClient } from '#client';
import { cpuSeconds, familyOf } from './report.js';

const MAIN = path.resolve(import.meta.dirname, '..', 'apps', 'cli', 'src', 'main.js');
const READY_MS = 60_000;

interface Endpoint {
  readonly graphql: string;
  readonly mqtt: string;
  readonly databaseUrl: string;
  readonly adminKeyFile: string;
  readonly processes: readonly {
    readonly role: string;
    readonly name: string;
    readonly pid: number;
  }[];
}

const endpointOf = (home: string): Endpoint =>
  JSON.parse(fs.readFileSync(path.join(home, 'endpoint.json'), 'utf8')) as Endpoint;

/** A whole Orrery in a home of its own, with everything on this machine. */
export class System {
  private constructor(
    private readonly child: ChildProcess,
    readonly home: string,
    /** As it was at the start. */
    readonly endpoint: Endpoint,
    readonly key: string,
  ) {}

  static async start(
    slots: number,
    variables: Readonly<Record<string, string>> = {},
    words: readonly string[] = [],
  ): Promise<System> {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-bench-'));
    fs.chmodSync(home, 0o755);
    const child = spawn(process.execPath, [MAIN, 'dev', ...words], {
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        ORRERY_HOME: home,
        ORRERY_PORT: '0',
        ORRERY_EXECUTOR_SLOTS: String(slots),
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => reject(new Error(`not ready:\n${text}`)), READY_MS);
      child.stdout?.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (!text.includes('Orrery is up')) return;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', () => reject(new Error(`it ended:\n${text}`)));
    });
    const endpoint = endpointOf(home);
    const key = fs.readFileSync(endpoint.adminKeyFile, 'utf8').trim();
    return new System(child, home, endpoint, key);
  }

  /** By what is there now: a role that ended was begun anew. */
  pidOf(name: string): number {
    return endpointOf(this.home).processes.find((each) => each.name === name)?.pid ?? 0;
  }

  client(): Client {
    return createClient({ url: this.endpoint.graphql, key: this.key, timeoutMs: 60_000 });
  }

  /** CPU seconds so far, by role. */
  cpu(): Map<string, number> {
    const used = new Map<string, number>();
    for (const { role, pid } of this.endpoint.processes) {
      const pids = role === 'postgres-server' ? familyOf(pid) : [pid];
      const seconds = pids.map(cpuSeconds).filter((s) => !Number.isNaN(s));
      used.set(role, (used.get(role) ?? 0) + seconds.reduce((sum, s) => sum + s, 0));
    }
    return used;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGINT');
    await gone;
    fs.rmSync(this.home, { recursive: true, force: true });
  }
}

/** Posts GraphQL over kept connections: the load generator must cost little itself. */
export class Poster {
  private readonly agent: http.Agent;
  private readonly url: URL;

  constructor(
    endpoint: Endpoint,
    private readonly key: string,
    connections: number,
  ) {
    this.url = new URL(endpoint.graphql);
    this.agent = new http.Agent({ keepAlive: true, maxSockets: connections, noDelay: true });
  }

  post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        this.url,
        {
          method: 'POST',
          agent: this.agent,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            authorization: `Bearer ${this.key}`,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve(Buffer.concat(chunks).toString()));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
