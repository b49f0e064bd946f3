import { type SeenThread, agoOf, seenIn } from './seen.js';

export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do about it. */
  readonly mend?: string;
}

export interface ClusterAnswer {
  readonly viewer: {
    readonly name: string;
    readonly projects: readonly {
      readonly project: { readonly name: string };
      readonly role: string;
    }[];
  };
  readonly cluster: {
    readonly schedulers: readonly {
      readonly name: string;
      readonly threads: readonly SeenThread[];
    }[];
    readonly partitions: readonly {
      readonly id: number;
      readonly owner: string | null;
      readonly state: string;
    }[];
  };
  readonly executors: {
    readonly nodes: readonly {
      readonly id: string;
      readonly state: string;
      readonly version: string;
      readonly pool: { readonly name: string };
    }[];
  };
}
export interface Own {
  readonly project: string;
  readonly version: string;
  /** The server's clock, or else this machine's. */
  readonly clock: number;
}

const NODE_LEAST = [20, 19] as const;
/** The header that tells it has whole seconds. */
const SKEW_WARN_MS = 5_000;

export function oldNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isGood = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1]);
  if (isGood) return { check: 'node', status: 'ok', found: version };
  const mend = `install Node ${NODE_LEAST.join('.')} or newer`;
  return { check: 'node', status: 'fail', found: version, mend };
}

/** The server's clock against this machine's, as far as a header of whole seconds tells. */
export function skewOf(said: number, began: number, ended: number): Finding {
  const check = 'clock';
  if (Number.isNaN(said)) return { check, status: 'warn', found: 'the server tells no time' };
  // What it said was cut to a second, some time between the two.
  const skew = said + 1_000 < began ? said + 1_000 - began : Math.max(0, said - ended);
  if (Math.abs(skew) < SKEW_WARN_MS) return { check, status: 'ok', found: 'as the server has it' };
  const seconds = Math.round(Math.abs(skew) / 1_000);
  const found = `the server is ${seconds} s ${skew > 0 ? 'ahead' : 'behind'}`;
  return { check, status: 'warn', found, mend: 'let both machines take their time from NTP' };
}

/** The server's time: where in the second that it said, this machine's clock may tell. */
export const clockOf = (said: number, here: number): number =>
  Number.isNaN(said) ? here : Math.min(Math.max(said, here), said + 999);

export function findingsOn(answer: ClusterAnswer, own: Own): Finding[] {
  return [
    keyIn(answer, own),
    schedulersIn(answer, own),
    partitionsIn(answer),
    executorsIn(answer),
    versionsIn(answer, own),
  ];
}

function keyIn({ viewer }: ClusterAnswer, { project }: Own): Finding {
  const roles = viewer.projects.map(({ project: { name }, role }) => `${name} ${role}`).join(', ');
  const found = `${viewer.name}: ${roles === '' ? 'no project' : roles}`;
  if (viewer.projects.some(({ project: { name } }) => name === project)) {
    return { check: 'key', status: 'ok', found };
  }
  const mend = `it may not see the project ${project}: name another by --project`;
  return { check: 'key', status: 'warn', found, mend };
}

function schedulersIn({ cluster }: ClusterAnswer, { clock }: Own): Finding {
  const check = 'schedulers';
  const { schedulers } = cluster;
  if (schedulers.length === 0) {
    return { check, status: 'fail', found: 'none was seen for an hour', mend: 'start a scheduler' };
  }
  const seen = seenIn(cluster, clock);
  const silent = schedulers.flatMap(({ name, threads }): readonly string[] => {
    const [first, ...rest] = threads.map(seen).sort((a, b) => a.ageMs - b.ageMs);
    if (first === undefined || [first, ...rest].some(({ isStale }) => !isStale)) return [];
    return [`${name} was last seen ${agoOf(first.ageMs)}: it is stopped or cut off`];
  });
  if (silent.length > 0) {
    const status = silent.length === schedulers.length ? 'fail' : 'warn';
    const mend = 'look at its log, or start it again; who is gone for good is forgotten in an hour';
    return { check, status, found: silent.join('; '), mend };
  }
  const found = schedulers.map(({ name, threads }) => `${name} (${threads.length})`).join(', ');
  return { check, status: 'ok', found };
}

function partitionsIn({ cluster: { partitions } }: ClusterAnswer): Finding {
  const idle = partitions.filter(({ state }) => state !== 'OWNED').length;
  if (idle === 0) return { check: 'partitions', status: 'ok', found: `${partitions.length} owned` };
  const found = `${idle} of ${partitions.length} have no living owner`;
  const mend = 'wait a few seconds and look again; if it lasts, start a scheduler';
  return { check: 'partitions', status: idle === partitions.length ? 'fail' : 'warn', found, mend };
}

function executorsIn({ executors: { nodes } }: ClusterAnswer): Finding {
  const active = nodes.filter(({ state }) => state === 'ACTIVE');
  const pools = [...new Set(active.map(({ pool }) => pool.name))].sort().join(', ');
  const found = `${active.length} of ${nodes.length} active`;
  if (active.length > 0) return { check: 'executors', status: 'ok', found: `${found} in ${pools}` };
  return { check: 'executors', status: 'warn', found, mend: 'start an executor: no run can start' };
}

function versionsIn({ executors: { nodes } }: ClusterAnswer, { version }: Own): Finding {
  // Behind it an executor says which wire it speaks: `0.1.0 wire/1`.
  const known = new Set(nodes.map((each) => each.version.split(' ')[0] ?? ''));
  const others = [...known].filter((each) => each !== version);
  if (others.length === 0) return { check: 'versions', status: 'ok', found: version };
  const found = `this is ${version}, executors have ${others.sort().join(', ')} too`;
  return { check: 'versions', status: 'warn', found, mend: 'bring them all to one version' };
}
