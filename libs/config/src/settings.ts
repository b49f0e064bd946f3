import { availableParallelism } from 'node:os';
import { duration, hosts, integer, labels, name, oneOf, text, url } from './parsers.js';
import type { Parser } from './parsers.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'pretty';
export type Environment = 'dev' | 'production';

export interface Settings {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: string | undefined;
  readonly mqttUrl: string | undefined;
  readonly cluster: string;
  readonly partitions: number | undefined;
  readonly schedulerName: string;
  readonly schedulerThreads: number;
  readonly executorId: string;
  readonly executorDirectory: string | undefined;
  readonly executorPool: string;
  readonly executorSlots: number;
  readonly executorDrainMs: number;
  readonly executorLabels: Readonly<Record<string, string>>;
  readonly httpAllow: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly apiUrl: string | undefined;
  readonly apiKey: string | undefined;
  readonly environment: Environment;
  readonly rateLimit: number;
  readonly subscriptionsMax: number;
  readonly silentAfterMs: number;
  readonly massLossAfterMs: number;
  readonly beatMs: number;
}

/**
 * One row of the table. A default is a text that goes through the same parser as the variable,
 * so what the page shows is what an operator could have typed.
 */
export interface Setting<T> {
  readonly variable: string;
  readonly parse: Parser<NonNullable<T>>;
  readonly fallback: Fallback<T>;
  readonly unit: string;
  readonly doc: string;
  /** A secret's value never stands in a problem, a log line or the page. */
  readonly secret?: true;
}

export type Fallback<T> =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly shown: string; readonly value: () => T };

export type SettingsTable = { readonly [K in keyof Settings]: Setting<Settings[K]> };

const dayMs = 86_400_000;
const threadsMax = 64;
const schedulerThreadsByDefaultMax = 8;

function literally(given: string): { readonly kind: 'text'; readonly text: string } {
  return { kind: 'text', text: given };
}

const unset = { kind: 'value', shown: 'unset', value: () => undefined } as const;

const path = text('a path without control characters', /^[^\p{Cc}]{1,4000}$/u);
const host = text('a host name or an IP address', /^[A-Za-z0-9.:_%-]{1,253}$/);
const cluster = text('1 to 40 of a-z, 0-9 and -', /^[a-z0-9-]{1,40}$/);
const key = text('an API key without white space', /^\S{1,500}$/);

export const settingsTable: SettingsTable = {
  environment: {
    variable: 'ORRERY_ENV',
    parse: oneOf('dev', 'production'),
    fallback: literally('production'),
    unit: '',
    doc: 'dev adds handlers for demo runs to executors and an editor page to the gateway.',
  },
  home: {
    variable: 'ORRERY_HOME',
    parse: path,
    fallback: literally('.orrery'),
    unit: 'path',
    doc: 'Folder of everything that a local installation keeps: database, broker, keys.',
  },
  host: {
    variable: 'ORRERY_HOST',
    parse: host,
    fallback: literally('127.0.0.1'),
    unit: '',
    doc: 'Address that the gateway listens on.',
  },
  port: {
    variable: 'ORRERY_PORT',
    parse: integer(0, 65_535),
    fallback: literally('4000'),
    unit: 'port',
    doc: 'Port that the gateway listens on; 0 picks a free one.',
  },
  rateLimit: {
    variable: 'ORRERY_RATE_LIMIT',
    parse: integer(0, 1_000_000),
    fallback: literally('0'),
    unit: 'operations/s',
    doc: 'What a key may ask of one gateway, each root field counted; 0 sets no limit.',
  },
  subscriptionsMax: {
    variable: 'ORRERY_SUBSCRIPTIONS_MAX',
    parse: integer(1, 1_000_000),
    fallback: literally('1000'),
    unit: 'subscriptions',
    doc: 'Subscriptions that a key may have open at one gateway at a time.',
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    parse: url('postgres', 'postgresql'),
    fallback: unset,
    unit: 'URL',
    doc: 'PostgreSQL to use; unset starts the embedded one in the home folder.',
    secret: true,
  },
  mqttUrl: {
    variable: 'MQTT_URL',
    parse: url('mqtt', 'mqtts', 'ws', 'wss'),
    fallback: unset,
    unit: 'URL',
    doc: 'MQTT broker to use; unset starts the embedded one.',
    secret: true,
  },
  cluster: {
    variable: 'ORRERY_CLUSTER',
    parse: cluster,
    fallback: literally('main'),
    unit: '',
    doc:
      'Name of the cluster; it stands in every topic, so clusters can share a broker, but not a ' +
      'database.',
  },
  partitions: {
    variable: 'ORRERY_PARTITIONS',
    parse: integer(1, 4096),
    fallback: { kind: 'value', shown: '64 if new', value: () => undefined },
    unit: 'partitions',
    doc: 'Number of partitions of a new installation; where another is installed it is refused.',
  },
  schedulerName: {
    variable: 'ORRERY_SCHEDULER_NAME',
    parse: name,
    fallback: literally('scheduler-1'),
    unit: '',
    doc: 'Name of this scheduler; unique in the cluster.',
  },
  schedulerThreads: {
    variable: 'ORRERY_SCHEDULER_THREADS',
    parse: integer(1, threadsMax),
    fallback: {
      kind: 'value',
      shown: 'the number of cores, at most 8',
      // availableParallelism respects a container's CPU mask, which cpus().length does not.
      value: () => Math.max(1, Math.min(availableParallelism(), schedulerThreadsByDefaultMax)),
    },
    unit: 'threads',
    doc: 'Worker threads of a scheduler, each owning a share of the partitions.',
  },
  executorId: {
    variable: 'ORRERY_EXECUTOR_ID',
    parse: name,
    fallback: literally('executor-1'),
    unit: '',
    doc: 'Name of this executor; unique in the cluster and kept across restarts.',
  },
  executorDirectory: {
    variable: 'ORRERY_EXECUTOR_DIRECTORY',
    parse: path,
    fallback: unset,
    unit: 'path',
    doc: "Folder of the executor's inbox and outbox; unset uses one in the home folder.",
  },
  executorPool: {
    variable: 'ORRERY_EXECUTOR_POOL',
    parse: name,
    fallback: literally('default'),
    unit: '',
    doc: 'Pool that this executor offers its slots to.',
  },
  executorSlots: {
    variable: 'ORRERY_EXECUTOR_SLOTS',
    parse: integer(1, 10_000),
    fallback: literally('10'),
    unit: 'slots',
    doc: 'Attempts that this executor runs at a time.',
  },
  executorDrainMs: {
    variable: 'ORRERY_EXECUTOR_DRAIN',
    parse: duration(0, dayMs),
    fallback: literally('2s'),
    unit: 'duration',
    doc: 'How long an executor that is told to stop lets its attempts run before it ends them.',
  },
  executorLabels: {
    variable: 'ORRERY_EXECUTOR_LABELS',
    parse: labels,
    fallback: { kind: 'value', shown: 'none', value: () => ({}) },
    unit: 'k=v,…',
    doc: 'Labels that jobs can ask for, like region=eu,gpu=none.',
  },
  httpAllow: {
    variable: 'ORRERY_HTTP_ALLOW',
    parse: hosts,
    fallback: { kind: 'value', shown: 'none', value: () => [] },
    unit: 'host,…',
    doc:
      'What http jobs on this executor may ask although it is on this machine or in its network: ' +
      'host names, host:port or CIDR, like billing.intern,127.0.0.1:4000,10.8.0.0/16.',
  },
  silentAfterMs: {
    variable: 'ORRERY_SILENT_AFTER',
    parse: duration(1_000, dayMs),
    fallback: literally('15s'),
    unit: 'duration',
    doc: 'Silence after which an executor is offline and its runs are unknown.',
  },
  massLossAfterMs: {
    variable: 'ORRERY_MASS_LOSS_AFTER',
    parse: duration(0, dayMs),
    fallback: literally('60s'),
    unit: 'duration',
    doc:
      'When over a third of a pool falls silent within 10 s, its attempts are not declared lost ' +
      'before this, unless one of the silent is heard.',
  },
  beatMs: {
    variable: 'ORRERY_BEAT',
    parse: duration(100, dayMs),
    fallback: literally('5s'),
    unit: 'duration',
    doc: "Interval of an executor's beats; shorter than the silence that takes it offline.",
  },
  apiUrl: {
    variable: 'ORRERY_API_URL',
    parse: url('http', 'https'),
    fallback: unset,
    unit: 'URL',
    doc: 'Gateway that the command line and the client library talk to.',
  },
  apiKey: {
    variable: 'ORRERY_API_KEY',
    parse: key,
    fallback: unset,
    unit: '',
    doc: 'Key with which the command line and the client library sign in.',
    secret: true,
  },
  logLevel: {
    variable: 'ORRERY_LOG_LEVEL',
    parse: oneOf('debug', 'info', 'warn', 'error'),
    fallback: literally('info'),
    unit: '',
    doc: 'Least important log line that is written.',
  },
  logFormat: {
    variable: 'ORRERY_LOG_FORMAT',
    parse: oneOf('json', 'pretty'),
    fallback: literally('json'),
    unit: '',
    doc: 'json writes a line of JSON an event, pretty a line for people.',
  },
};
