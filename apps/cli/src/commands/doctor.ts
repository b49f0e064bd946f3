import { createClient } from '#client';
import { type Target, targetOf } from '../context.js';
import { type Column, renderList } from '../output/render.js';
import { versionOfThis } from '../places.js';
import { CommandProblem } from '../problem.js';
import { type LocalCommand } from './command.js';
import { textOf } from './values.js';
import {
  type ClusterAnswer,
  type Finding,
  clockOf,
  findingsOn,
  oldNode,
  skewOf,
} from './findings.js';

const WITHIN_MS = 5_000;
const ASKED = `{
  viewer { name projects { project { name } role } }
  cluster { schedulers { name threads { name lastSeen partitions } } partitions { id owner state } }
  executors(first: 200) { nodes { id state version pool { name } } }
}`;

const COLUMNS: readonly Column<Finding>[] = [
  ['CHECK', ({ check }) => check],
  ['STATUS', ({ status }) => status],
  ['FOUND', ({ found }) => found],
  ['DO', ({ mend }) => mend ?? ''],
];

function whom(place: () => Target): Target | Finding {
  try {
    return place();
  } catch (error) {
    if (!(error instanceof CommandProblem)) throw error;
    return { check: 'address', status: 'fail', found: error.message, mend: 'npm start' };
  }
}

interface Health {
  readonly findings: readonly Finding[];
  /** The server's; this machine's where it tells none. */
  readonly clock: number;
}

/** What the gateway says of itself, and by which clock; undefined when nobody answers. */
async function health(url: string): Promise<Health | undefined> {
  const began = Date.now();
  try {
    const signal = AbortSignal.timeout(WITHIN_MS);
    const response = await fetch(new URL('/readyz', url), { signal });
    const said = Date.parse(response.headers.get('date') ?? '');
    const body = (await response.json()) as { database?: unknown; broker?: unknown };
    const ended = Date.now();
    const skew = skewOf(said, began, ended);
    const findings = [skew, database(body.database), broker(body.broker)];
    return { findings, clock: clockOf(said, ended) };
  } catch {
    return undefined;
  }
}

const database = (isUp: unknown): Finding =>
  isUp === true
    ? { check: 'database', status: 'ok', found: 'it answers the gateway' }
    : {
        check: 'database',
        status: 'fail',
        found: 'it does not answer the gateway',
        mend: "look at PostgreSQL, and at the gateway's DATABASE_URL",
      };

const broker = (isUp: unknown): Finding =>
  isUp === true
    ? { check: 'broker', status: 'ok', found: 'the gateway is connected to it' }
    : {
        check: 'broker',
        status: 'warn',
        found: 'the gateway is not connected to it: all is slower, and nothing is granted',
        mend: "look at the MQTT broker, and at the gateway's MQTT_URL",
      };

async function examine({ url, key, from, project }: Target): Promise<Finding[]> {
  const found = await health(url);
  if (found === undefined) {
    const mend = 'start the gateway, or name another by orrery login or ORRERY_API_URL';
    return [
      { check: 'address', status: 'fail', found: `nothing answers at ${url} (${from})`, mend },
    ];
  }
  const { findings, clock } = found;
  const address: Finding = { check: 'address', status: 'ok', found: `${url} (${from})` };
  const client = createClient({ url, timeoutMs: WITHIN_MS, ...(key === undefined ? {} : { key }) });
  const answer = await client.request<ClusterAnswer>(ASKED);
  await client.close();
  if (answer.ok) {
    const own = { project, version: versionOfThis(), clock };
    return [address, ...findings, ...findingsOn(answer.value, own)];
  }
  const [error] = answer.errors;
  const refusal = `${error?.message ?? 'refused'} (${error?.code ?? '?'})`;
  const mend = error?.hint ?? 'look at the log of the gateway';
  return [address, ...findings, { check: 'key', status: 'fail', found: refusal, mend }];
}

export const doctor: LocalCommand = {
  name: 'doctor',
  summary: 'look whether everything is there that a run needs, and say what to do',
  usage: 'orrery doctor [--profile NAME]',
  example: 'orrery doctor --output json',
  more: 'Each line is ok, warn or fail; the exit code is 1 when one of them is fail.',
  options: {
    profile: { type: 'string', value: 'NAME', help: 'whom to ask: see orrery login --help' },
  },
  positionals: { required: 0, names: '' },
  async start({ settings, terminal, format }, values) {
    const target = whom(() => targetOf(settings(), textOf(values, 'profile')));
    const rest = 'check' in target ? [target] : await examine(target);
    const findings = [oldNode(process.versions.node), ...rest];
    terminal.out(renderList(findings, COLUMNS, format));
    return findings.some(({ status }) => status === 'fail') ? 1 : 0;
  },
};
