import { availableParallelism, homedir } from 'node:os';
import path from 'node:path';
import { type Clock, systemClock } from '#actor';
import type { Millis } from '#core';
import type { MqttLog } from '#mqtt';
import type { Handlers } from './functions/runner.js';
import { type Allowed, parseAllowed } from './runners/http/allow.js';
import { ExecutorProblem } from './store/directory.lock.js';

export interface ExecutorOptions {
  readonly mqttUrl: string;
  /** Its memory: inbox, outbox, incarnation. To lose it is to be another incarnation. */
  readonly directory: string;
  /** Default: the one in the directory, at first a random one. */
  readonly id?: string;
  readonly cluster?: string;
  readonly pool?: string;
  /** Attempts at a time. */
  readonly slots?: number;
  /** Assignments that may wait here for a slot. Default 0: what does not fit goes back. */
  readonly backlog?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly handlers?: Handlers;
  /** Worker threads for the handlers of modules. */
  readonly threads?: number;
  readonly beatMs?: Millis;
  /** Added to the small environment that shell jobs begin with; nothing of ours is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly http?: HttpJobOptions;
  readonly log?: MqttLog;
  readonly clock?: Clock;
}

export interface HttpJobOptions {
  /**
   * Host names, host:port or CIDR blocks that http jobs may ask although they are this machine's
   * or its network's. Public addresses are open to them without it.
   */
  readonly allow?: readonly string[];
}

export type Resolved = Required<Omit<ExecutorOptions, 'id' | 'http'>> & {
  readonly id: string | undefined;
  readonly httpAllow: readonly Allowed[];
};

const SLOTS_MAX = 10_000;
const THREADS_MAX_BY_DEFAULT = 16;
const silent = (): void => undefined;
const SILENT: MqttLog = { debug: silent, info: silent, warn: silent, error: silent };

export function resolveOptions(options: ExecutorOptions): Resolved {
  const slots = options.slots ?? 10;
  if (!Number.isInteger(slots) || slots < 1 || slots > SLOTS_MAX) {
    throw new ExecutorProblem(`slots is ${slots}: give a whole number from 1 to ${SLOTS_MAX}.`);
  }
  const cores = availableParallelism();
  return {
    mqttUrl: options.mqttUrl,
    directory: options.directory,
    id: options.id,
    cluster: options.cluster ?? 'main',
    pool: options.pool ?? 'default',
    slots,
    backlog: options.backlog ?? 0,
    labels: options.labels ?? {},
    handlers: options.handlers ?? {},
    threads: options.threads ?? Math.min(slots, THREADS_MAX_BY_DEFAULT, Math.max(4, cores * 2)),
    beatMs: options.beatMs ?? 5_000,
    environment: { ...baseEnvironment(), ...options.environment },
    httpAllow: (options.http?.allow ?? []).map(readAllowed),
    log: options.log ?? SILENT,
    clock: options.clock ?? systemClock,
  };
}

function readAllowed(text: string): Allowed {
  const allowed = parseAllowed(text);
  if (allowed !== undefined) return allowed;
  throw new ExecutorProblem(
    `http jobs cannot be allowed ${JSON.stringify(text)}: give a host name, host:port or a CIDR.`,
  );
}

/** Known without our own environment, in which secrets are; this Node is the jobs' Node too. */
function baseEnvironment(): Record<string, string> {
  const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return {
    PATH: `${path.dirname(process.execPath)}:${usual}`,
    HOME: homedir(),
    LANG: 'C.UTF-8',
    TZ: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}
