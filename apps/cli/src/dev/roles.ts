import path from 'node:path';
import { type Settings, formatDuration } from '#config';
import type { ChildSpec, Role } from './child.js';
import type { Home, Ports } from './home.js';
import { placeOf } from './ports.js';

export type Entries = Readonly<Record<Role, string>>;
export type Variables = Readonly<Record<string, string | undefined>>;

/** Of the time that everything has to end (supervisor.ts). */
const DRAIN_MS_MAX = 200;
const dist = path.resolve(import.meta.dirname, '..', '..', '..', '..');

export const DIST_ENTRIES: Entries = {
  postgres: path.join(dist, 'libs/postgres/src/embedded/main.js'),
  broker: path.join(dist, 'libs/broker/src/main.js'),
  gateway: path.join(dist, 'apps/gateway/src/main.js'),
  scheduler: path.join(dist, 'apps/scheduler/src/main.js'),
  executor: path.join(dist, 'apps/executor/src/main.js'),
};

/** What the roles share and what is known only once the embedded servers run. */
export interface Wiring {
  readonly settings: Settings;
  readonly environment: Variables;
  readonly entries: Entries;
  readonly home: Home;
  readonly ports: () => Ports;
  readonly databaseUrl: () => string;
  /** As the child of that name reaches it. */
  readonly mqttUrl: (name: string) => string;
}

export function serverSpecs(wiring: Wiring): readonly ChildSpec[] {
  const { settings, home, ports } = wiring;
  const specs: ChildSpec[] = [];
  const directory = home.at('postgres');
  if (!settings.databaseUrl) {
    const words = (): string[] => [JSON.stringify({ directory, port: ports().postgres ?? 0 })];
    specs.push(specOf(wiring, 'postgres', 'postgres', true, words, () => ({})));
  }
  if (!settings.mqttUrl) {
    const words = (): string[] => [JSON.stringify({ port: ports().broker ?? 0 })];
    specs.push(specOf(wiring, 'broker', 'broker', true, words, () => ({})));
  }
  return specs;
}

export interface Counts {
  readonly schedulers: number;
  readonly executors: number;
}

export function appSpecs(wiring: Wiring, counts: Counts): readonly ChildSpec[] {
  const { settings, home } = wiring;
  const words = (): string[] => [];
  const gateway = (): Record<string, string> => ({
    ORRERY_PORT: String(wiring.ports().gateway ?? 0),
  });
  const specs = [specOf(wiring, 'gateway', 'gateway', true, words, gateway)];
  const threads = String(threadsOf(wiring, counts.schedulers));
  for (const name of namesFrom(settings.schedulerName, counts.schedulers)) {
    const own = { ORRERY_SCHEDULER_NAME: name, ORRERY_SCHEDULER_THREADS: threads };
    specs.push(specOf(wiring, 'scheduler', name, counts.schedulers === 1, words, () => own));
  }
  for (const name of namesFrom(settings.executorId, counts.executors)) {
    const given = counts.executors === 1 ? settings.executorDirectory : undefined;
    const own = (): Record<string, string> => ({
      ORRERY_EXECUTOR_ID: name,
      ORRERY_EXECUTOR_DIRECTORY: given ?? home.at('executors', name),
      // Ctrl-C ends all of it soon, and what jobs have started with it.
      ORRERY_EXECUTOR_DRAIN: formatDuration(Math.min(settings.executorDrainMs, DRAIN_MS_MAX)),
      // For the demo's health-http, whose URL has this very host and port.
      ORRERY_HTTP_ALLOW: [...settings.httpAllow, gatewayPlaceOf(wiring)].join(','),
    });
    specs.push(specOf(wiring, 'executor', name, counts.executors === 1, words, own));
  }
  return specs;
}

/** They share the cores: more threads than these cost a start and memory, and do nothing sooner. */
function threadsOf({ settings, environment }: Wiring, schedulers: number): number {
  const { schedulerThreads } = settings;
  if (environment['ORRERY_SCHEDULER_THREADS'] !== undefined) return schedulerThreads;
  return Math.max(1, Math.floor(schedulerThreads / schedulers));
}

export const gatewayPlaceOf = ({ settings, ports }: Pick<Wiring, 'settings' | 'ports'>): string =>
  placeOf(settings.host, ports().gateway ?? 0);

/** executor-1, executor-2, … from the configured name of the first. */
function namesFrom(first: string, count: number): readonly string[] {
  const stem = first.replace(/-\d+$/, '');
  return Array.from({ length: count }, (_, n) => (n === 0 ? first : `${stem}-${n + 1}`));
}

function specOf(
  wiring: Wiring,
  role: Role,
  name: string,
  single: boolean,
  words: () => readonly string[],
  own: () => Readonly<Record<string, string>>,
): ChildSpec {
  return {
    role,
    name,
    entry: wiring.entries[role],
    logFile: wiring.home.at('logs', `${single ? role : name}.log`),
    words,
    variables: () => ({ ...shared(wiring, role, name), ...own() }),
  };
}

function shared(wiring: Wiring, role: Role, name: string): Record<string, string> {
  const { settings } = wiring;
  const variables: Record<string, string> = {};
  for (const [key, value] of Object.entries(wiring.environment)) {
    if (value !== undefined) variables[key] = value;
  }
  if (role === 'postgres' || role === 'broker') return variables;
  return {
    ...variables,
    DATABASE_URL: wiring.databaseUrl(),
    MQTT_URL: wiring.mqttUrl(name),
    ORRERY_ENV: 'dev',
    // graphql and others check themselves at every call without it: a tenth of a gateway's time.
    NODE_ENV: 'production',
    ORRERY_HOME: wiring.home.path,
    ORRERY_HOST: settings.host,
    ORRERY_CLUSTER: settings.cluster,
    ...(settings.partitions === undefined
      ? {}
      : { ORRERY_PARTITIONS: String(settings.partitions) }),
    ORRERY_EXECUTOR_POOL: settings.executorPool,
    ORRERY_EXECUTOR_SLOTS: String(settings.executorSlots),
    ORRERY_LOG_LEVEL: settings.logLevel,
    ORRERY_LOG_FORMAT: 'json', // the supervisor reads it to find errors
  };
}
