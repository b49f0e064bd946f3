import { Random } from '#sim';
import type { Deed } from '../../support/frames.js';
import type { Way } from '../../support/link.js';

export type Fault =
  | { readonly atMs: number; readonly what: 'kill'; readonly target: string }
  | {
      readonly atMs: number;
      /** SIGSTOP of the whole tree, SIGCONT after `ms`. */
      readonly what: 'pause';
      readonly target: string;
      readonly ms: number;
    }
  | {
      readonly atMs: number;
      readonly what: 'cut';
      readonly target: string;
      /** For so long whoever connects is reset. */
      readonly ms: number;
    }
  | {
      readonly atMs: number;
      /** Nothing that it writes finds room. */
      readonly what: 'full';
      readonly target: string;
      readonly ms: number;
    }
  | {
      readonly atMs: number;
      /** Its wall clock is off by so much from now on; nothing puts it right. */
      readonly what: 'clock';
      readonly target: string;
      readonly seconds: number;
    }
  | {
      readonly atMs: number;
      readonly what: 'stall';
      readonly target: string;
      readonly ms: number;
      readonly way: Way;
    }
  | {
      readonly atMs: number;
      /** Words of MQTT are lost, come twice, or late. */
      readonly what: 'frames';
      readonly target: string;
      readonly ms: number;
      readonly way: Way;
      readonly deed: Deed;
      readonly share: number;
    };

export interface Plan {
  readonly seed: number;
  readonly seconds: number;
  /** Submissions a second. */
  readonly rate: number;
  readonly faults: readonly Fault[];
}

export interface Targets {
  /** Schedulers and executors: killed and paused most. */
  readonly workers: readonly string[];
  /** What all of them need: gateway, broker, PostgreSQL. */
  readonly servers: readonly string[];
  readonly links: readonly string[];
  /** Those of them that end at the broker. */
  readonly wires: readonly string[];
  /** Whose disk can be full here. */
  readonly disks: readonly string[];
  /** Whose wall clock can be set here. */
  readonly clocks: readonly string[];
}

/** In CI: of the plans by many seeds one with every kind of fault that a machine can make. */
export const SHORT = { seed: 1_461, seconds: 25, rate: 60, faults: 15 };
/** Longer than any time-out that the storm's settings have. */
const PAUSE_MS_MAX = 9_000;
/** A server away for so long stops everybody: what is found in a storm is found between them. */
const SERVER_PAUSE_MS_MAX = 2_500;
const MS_MIN = 100;
const CLOCK_S_MAX = 7_200;
/** Long enough for a beat and its answer. */
const FRAMES_MS = 4_000;

/** The same seed gives the same plan; what comes of it is the machine's matter. */
export function planFor(
  { seed, seconds, rate }: Omit<Plan, 'faults'>,
  count: number,
  targets: Targets,
): Plan {
  const random = new Random(seed);
  const faults = Array.from({ length: count }, (_, n): Fault => {
    const atMs = Math.round(((n + random.unit()) / count) * seconds * 1_000);
    const lasting = (most: number): number =>
      Math.round(Math.min(most, MS_MIN + random.exponential(most / 3)));
    const drawn = random.unit();
    if (drawn < 0.3) return { atMs, what: 'kill', target: random.pick(targets.workers) };
    if (drawn < 0.42) return { atMs, what: 'kill', target: random.pick(targets.servers) };
    if (drawn < 0.65) {
      const target = random.pick(targets.workers);
      return { atMs, what: 'pause', target, ms: lasting(PAUSE_MS_MAX) };
    }
    if (drawn < 0.7) {
      const target = random.pick(targets.servers);
      return { atMs, what: 'pause', target, ms: lasting(SERVER_PAUSE_MS_MAX) };
    }
    if (drawn < 0.76 && targets.disks.length > 0) {
      return { atMs, what: 'full', target: random.pick(targets.disks), ms: lasting(PAUSE_MS_MAX) };
    }
    if (drawn < 0.78 && targets.clocks.length > 0) {
      const seconds = random.int(-CLOCK_S_MAX, CLOCK_S_MAX);
      return { atMs, what: 'clock', target: random.pick(targets.clocks), seconds };
    }
    const target = random.pick(targets.links);
    if (drawn < 0.84) return { atMs, what: 'cut', target, ms: lasting(PAUSE_MS_MAX) };
    const way = random.pick(['up', 'down', 'both'] as const);
    if (drawn >= 0.9) {
      const wire = random.pick(targets.wires);
      const deed = random.pick(['lose', 'double', 'delay'] as const);
      const share = Math.round(random.between(0.05, 0.5) * 100) / 100;
      return { atMs, what: 'frames', target: wire, ms: FRAMES_MS, way, deed, share };
    }
    return { atMs, what: 'stall', target, ms: lasting(PAUSE_MS_MAX), way };
  });
  return { seed, seconds, rate, faults };
}

/** One fault a line, as it can be given again. */
export function textOf({ faults, ...shape }: Plan): string {
  const lines = faults.map((fault) => `    ${JSON.stringify(fault)}`);
  const head = JSON.stringify(shape, null, 2).slice(0, -2);
  return `${head},\n  "faults": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
