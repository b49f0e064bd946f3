import { type Child, type ChildSpec, createChild, type Report, type Role } from './child.js';
import type { Endpoint, EndpointProcess, Home, Ports } from './home.js';
import type { Links } from './links.js';
import { claimGatewayPort, isFree, probePort, reach } from './ports.js';
import { type DevLog, DevProblem, messageOf } from './problem.js';
import { appSpecs, type Counts, gatewayPlaceOf, serverSpecs, type Wiring } from './roles.js';

const STARTUP_FAILURES_MAX = 5;
const TAKEOVER_PATIENCE_MS = 3_000;
const STOP_BOUND_MS = 4_800;
/** Who waits longer than this wants to know for what. */
const PATIENCE_MS = 300;
/** Users before what they use; the last one has what the others leave of the whole. */
const STOP_ORDER: readonly { readonly role: Role; readonly boundMs: number }[] = [
  { role: 'executor', boundMs: 2_000 },
  { role: 'gateway', boundMs: 700 },
  { role: 'scheduler', boundMs: 1_000 },
  { role: 'broker', boundMs: 400 },
  { role: 'postgres', boundMs: STOP_BOUND_MS },
];

export interface SupervisorOptions extends Omit<Wiring, 'ports' | 'databaseUrl' | 'mqttUrl'> {
  readonly counts: Counts;
  readonly adminKeyFile: string;
  readonly migration: () => Promise<Migrate>;
  /** Through which schedulers and executors reach the broker, where it is to be cut. */
  readonly links?: Links | undefined;
  readonly log: DevLog;
}

/** The gateway does not serve yet, but what is seeded may say where it will. */
export type Migrate = (databaseUrl: string, gatewayUrl: string) => Promise<void>;

/** Starts everything in order, keeps it running, and stops it in the opposite order. */
export class Supervisor {
  private readonly children: Child[] = [];
  private readonly waiting = new Map<Child, (problem?: string) => void>();
  private readonly wiring: Wiring;
  private ports: Ports = {};
  private databaseUrl = '';
  private mqttUrl = '';
  private last: Pick<Endpoint, 'graphql' | 'ws'> = { graphql: '', ws: '' };
  private isReady = false;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: SupervisorOptions) {
    this.wiring = {
      ...options,
      ports: () => this.ports,
      databaseUrl: () => this.databaseUrl,
      mqttUrl: (name) => options.links?.urlFor(name, this.mqttUrl) ?? this.mqttUrl,
    };
  }

  private get home(): Home {
    return this.options.home;
  }

  /** Resolves when every child serves; rejects with a DevProblem that a person can put right. */
  async start(takeover: boolean): Promise<Endpoint> {
    const { settings } = this.options;
    if (settings.databaseUrl) await reach(settings.databaseUrl, 'DATABASE_URL');
    if (settings.mqttUrl) await reach(settings.mqttUrl, 'MQTT_URL');
    this.ports = await this.choosePorts(takeover);
    // Reading the code of the migration takes as long as the servers do.
    const servers = this.startAll(serverSpecs(this.wiring));
    const [migrate] = await Promise.all([this.options.migration(), servers]);
    this.databaseUrl = settings.databaseUrl ?? this.urlOf('postgres');
    this.mqttUrl = settings.mqttUrl ?? this.urlOf('broker');
    this.ports = {
      ...this.ports,
      ...(settings.databaseUrl ? {} : { postgres: Number(new URL(this.databaseUrl).port) }),
      ...(settings.mqttUrl ? {} : { broker: Number(new URL(this.mqttUrl).port) }),
    };
    this.home.writePorts(this.ports);
    await this.migrate(migrate);
    const specs = appSpecs(this.wiring, this.options.counts);
    for (const { role, name } of specs) {
      if (isVictim(role)) await this.options.links?.open(name, this.mqttUrl);
    }
    await this.startAll(specs);
    this.isReady = true;
    const endpoint = this.endpoint();
    if (!this.stopping) this.home.writeEndpoint(endpoint);
    return endpoint;
  }

  /** Schedulers and executors: what a user's runs are to survive the loss of. */
  get victims(): readonly Child[] {
    return this.children.filter(({ role }) => isVictim(role));
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  /** For a second Ctrl-C. The database recovers at its next start: nothing committed is lost. */
  killAll(): void {
    const server = this.serverPid();
    for (const child of this.children) child.kill();
    if (server === undefined) return;
    try {
      process.kill(server, 'SIGQUIT');
    } catch {
      // it is gone already
    }
  }

  private async choosePorts(takeover: boolean): Promise<Ports> {
    const { settings } = this.options;
    const remembered = this.home.readPorts();
    const usable = async (port: number | undefined): Promise<number> =>
      port !== undefined && (await isFree('127.0.0.1', port)) ? port : 0;
    const patienceMs = takeover ? TAKEOVER_PATIENCE_MS : 0;
    const former = await usable(remembered.gateway);
    return {
      // A survivor holds its port, so 0 it is then: the role adopts it together with its port.
      postgres: await usable(remembered.postgres),
      broker: await usable(remembered.broker),
      gateway:
        settings.port === 0
          ? former || (await probePort(settings.host, 0))
          : await claimGatewayPort(settings.host, settings.port, patienceMs),
    };
  }

  private async migrate(migrate: Migrate): Promise<void> {
    try {
      await migrate(this.databaseUrl, `http://${gatewayPlaceOf(this.wiring)}`);
    } catch (error) {
      if (error instanceof DevProblem) throw error;
      const where = new URL(this.databaseUrl);
      throw new DevProblem(
        `The database at ${where.host}${where.pathname} could not be brought up to date: ` +
          `${messageOf(error).replace(/[.\s]+$/, '')}; put that right and start again.`,
      );
    }
  }

  private async startAll(specs: readonly ChildSpec[]): Promise<void> {
    if (this.stopping) return;
    await Promise.all(specs.map((spec) => this.startOne(spec)));
  }

  private startOne(spec: ChildSpec): Promise<void> {
    const child: Child = createChild(
      spec,
      {
        onChange: () => this.changed(child),
        onReady: () => this.settle(child),
        onProblem: (problem) => this.complain(child, problem),
      },
      this.options.log,
    );
    this.children.push(child);
    return new Promise((resolve, reject) => {
      this.waiting.set(child, (problem) => {
        this.waiting.delete(child);
        if (problem === undefined) resolve();
        else reject(new DevProblem(problem));
      });
      child.start();
    });
  }

  private settle(child: Child): void {
    this.waiting.get(child)?.();
    this.changed(child);
  }

  private complain(child: Child, problem: string): void {
    const first = this.waiting.get(child);
    if (first) first(problem);
    else this.options.log.error(`${child.name}: ${problem}`);
  }

  private changed(child: Child): void {
    if (child.failures >= STARTUP_FAILURES_MAX) {
      const logs = this.home.at('logs');
      this.waiting.get(child)?.(
        `${child.name} ended ${child.failures} times before it was ready: ` +
          `its log in ${logs} says why; put that right and start again.`,
      );
    }
    if (this.isReady && !this.stopping) this.home.writeEndpoint(this.endpoint());
  }

  private endpoint(): Endpoint {
    const report = this.children.find(({ role }) => role === 'gateway')?.report;
    // While the gateway starts again its address stays what it was.
    if (report) this.last = { graphql: textOf(report, 'graphql'), ws: textOf(report, 'ws') };
    return {
      ...this.last,
      mqtt: this.mqttUrl,
      databaseUrl: this.databaseUrl,
      adminKeyFile: this.options.adminKeyFile,
      project: 'demo',
      processes: this.processes(),
    };
  }

  private processes(): readonly EndpointProcess[] {
    const processes = this.children.flatMap(({ role, name, pid }): readonly EndpointProcess[] =>
      pid === undefined ? [] : [{ role, name, pid }],
    );
    const server = this.serverPid();
    if (server === undefined) return processes;
    return [...processes, { role: 'postgres-server', name: 'postgres', pid: server }];
  }

  /** The database itself; the child of the role `postgres` only watches it. */
  private serverPid(): number | undefined {
    const pid = this.children.find(({ role }) => role === 'postgres')?.report?.['pid'];
    return typeof pid === 'number' ? pid : undefined;
  }

  private urlOf(role: Role): string {
    const report = this.children.find((child) => child.role === role)?.report;
    return report ? textOf(report, 'url') : '';
  }

  private tellWait(group: readonly Child[], boundMs: number): void {
    const names = group.filter(({ state }) => state !== 'ended').map(({ name }) => name);
    const seconds = (boundMs / 1_000).toFixed(1);
    const have = names.length === 1 ? 'has' : 'have';
    this.options.log.info(`waiting for ${names.join(', ')}, which ${have} ${seconds} s to end`);
  }

  private async stopInOrder(): Promise<void> {
    const end = performance.now() + STOP_BOUND_MS;
    this.waiting.clear();
    for (const { role, boundMs } of STOP_ORDER) {
      const bound = Math.min(boundMs, Math.max(0, end - performance.now()));
      const group = this.children.filter((child) => child.role === role);
      const slow = setTimeout(() => this.tellWait(group, bound), PATIENCE_MS);
      await Promise.all(group.map((child) => child.stop(bound)));
      clearTimeout(slow);
    }
    this.home.removeEndpoint();
  }
}

const isVictim = (role: Role): boolean => role === 'scheduler' || role === 'executor';

function textOf(report: Report, key: string): string {
  const value = report[key];
  return typeof value === 'string' ? value : '';
}
