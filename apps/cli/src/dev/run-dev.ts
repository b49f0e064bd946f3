import type { Settings } from '#config';
import { Chaos } from './chaos.js';
import { lockHome } from './home.lock.js';
import { type Endpoint, type Home, openHome } from './home.js';
import { Links } from './links.js';
import { type DevLog, DevProblem, messageOf } from './problem.js';
import { DIST_ENTRIES, type Entries, type Variables } from './roles.js';
import { type Migrate, Supervisor } from './supervisor.js';
import { awaitSurvivors } from './survivors.js';

const KILLED_BY_HAND = 130;
/** One Ctrl-C comes twice: the terminal tells the whole group, and npm passes its own on. */
const SAME_PRESS_MS = 500;

export interface DevOptions {
  readonly settings: Settings;
  /** What the children inherit; from the one reader of the environment, so that PATH is there. */
  readonly environment: Variables;
  readonly schedulers?: number;
  readonly executors?: number;
  /** Kills, stops and cuts off schedulers and executors at random. */
  readonly chaos?: boolean;
  /** What brings the schema up to date, and may throw: its message is shown. */
  readonly migration: () => Promise<Migrate>;
  /** Called once, when everything serves. */
  readonly screen: (endpoint: Endpoint) => Promise<void>;
  readonly log: DevLog;
  /** Other entry files, for tests. */
  readonly entries?: Partial<Entries>;
  /** Default: admin.key in the home. */
  readonly adminKeyFile?: string;
}

/** Everything on one machine, until Ctrl-C. Resolves with the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  const { log, settings } = options;
  try {
    const home = openHome(settings.home);
    const lock = lockHome(home.at('lock'), home.path);
    try {
      return await runLocked(options, home, lock.stale);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof DevProblem) log.error(error.message);
    else {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error(`orrery dev failed: ${messageOf(error)}`, { stack });
    }
    return 1;
  }
}

async function runLocked(options: DevOptions, home: Home, stale: boolean): Promise<number> {
  const { log } = options;
  const entries = { ...DIST_ENTRIES, ...options.entries };
  const links = options.chaos === true ? new Links() : undefined;
  const supervisor = new Supervisor({
    settings: options.settings,
    environment: options.environment,
    entries,
    home,
    counts: { schedulers: options.schedulers ?? 1, executors: options.executors ?? 1 },
    adminKeyFile: options.adminKeyFile ?? home.at('admin.key'),
    migration: options.migration,
    links,
    log,
  });
  const signals = listenSignals();
  const chaos = new Chaos({
    victims: () => supervisor.victims,
    random: () => Math.random(),
    cut: (name) => links?.cut(name) === true,
    mend: (name) => links?.mend(name),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    say: (text) => log.warn(text),
  });
  const serve = async (): Promise<'stopped'> => {
    if (stale) {
      log.info('taking over from an Orrery that was killed');
      await awaitSurvivors(home.readEndpoint()?.processes ?? [], Object.values(entries));
      home.removeEndpoint();
    }
    const endpoint = await supervisor.start(stale);
    if (signals.count() === 0) await options.screen(endpoint);
    if (signals.count() === 0 && options.chaos === true) chaos.start();
    await signals.first;
    return 'stopped';
  };
  try {
    await Promise.race([serve(), signals.first]);
  } finally {
    if (signals.count() > 0) log.info('stopping… (Ctrl-C once more ends all of it at once)');
    chaos.stop();
    // Also after a problem: what was started ends with us.
    const outcome = await Promise.race([supervisor.stop(), signals.second]);
    links?.close();
    if (outcome === 'again') {
      log.warn('ended at once; what had started is begun anew at the next start');
      supervisor.killAll();
    }
  }
  return signals.count() > 1 ? KILLED_BY_HAND : 0;
}

interface Signals {
  readonly first: Promise<'asked'>;
  readonly second: Promise<'again'>;
  count(): number;
}

/** Heard to the very end: one press more must not turn the exit code into a signal's. */
function listenSignals(): Signals {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let count = 0;
  let firstAt = 0;
  let tellFirst: (value: 'asked') => void = () => undefined;
  let tellSecond: (value: 'again') => void = () => undefined;
  const first = new Promise<'asked'>((resolve) => {
    tellFirst = resolve;
  });
  const second = new Promise<'again'>((resolve) => {
    tellSecond = resolve;
  });
  const hear = (): void => {
    const now = performance.now();
    if (count > 0 && now - firstAt < SAME_PRESS_MS) return;
    count += 1;
    if (count > 1) return tellSecond('again');
    firstAt = now;
    tellFirst('asked');
  };
  for (const name of names) process.on(name, hear);
  return { first, second, count: () => count };
}
