import pg from 'pg';

/** How one table was read. */
export interface Access {
  readonly table: string;
  /** Undefined: from end to end. */
  readonly index: string | undefined;
  /** Where to begin and to end was told by the first column of the index. */
  readonly isBound: boolean;
  /** Rows, those that were thrown away included. */
  readonly rows: number;
}
/** One statement as PostgreSQL ran it, also inside a function: what `auto_explain` says. */
export interface RanPlan {
  /** With single spaces. */
  readonly statement: string;
  readonly accesses: readonly Access[];
}
export interface PlanWatch {
  /** What was seen since the last time. */
  take(): RanPlan[];
  stop(): void;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Node[];
}
/** Of each index its first column. */
type Firsts = ReadonlyMap<string, string>;

const SAID = /^duration: [\d.]+ ms {2}plan:\n([^]*)$/;

/**
 * From now on every new connection to the database tells its plans, those inside functions too, and
 * they are gathered here. To load the module is the superuser's, so it is set for the database.
 */
export async function watchPlans(admin: pg.Client): Promise<PlanWatch> {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
  };
  const { rows } = await admin.query('select current_database() as name');
  await admin.query('load $$auto_explain$$');
  for (const [name, value] of Object.entries(settings)) {
    await admin.query(`alter database ${rows[0]?.['name']} set ${name} = '${value}'`);
  }
  const firsts = await readFirsts(admin);
  const seen: RanPlan[] = [];
  // Where a connection is made is out of reach: the product's classes show no client.
  const clients = pg.Client.prototype as {
    connect: (this: pg.Client, ...given: never[]) => unknown;
  };
  const { connect } = clients;
  clients.connect = function listening(...given) {
    this.on('notice', ({ message }) => {
      const [, text] = SAID.exec(message ?? '') ?? [];
      if (text !== undefined) seen.push(readPlan(text, firsts));
    });
    return connect.apply(this, given);
  };
  return {
    take: () => seen.splice(0),
    stop: () => {
      clients.connect = connect;
    },
  };
}

async function readFirsts(admin: pg.Client): Promise<Firsts> {
  const { rows } =
    await admin.query(`select i.indexrelid::regclass::text as index, a.attname as first
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]`);
  return new Map(rows.map((row) => [String(row['index']), String(row['first'])]));
}

function readPlan(text: string, firsts: Firsts): RanPlan {
  const said = JSON.parse(text) as { 'Query Text': string; Plan: Node };
  return {
    statement: said['Query Text'].replaceAll(/\s+/g, ' ').trim(),
    accesses: accessesOf(said.Plan, firsts),
  };
}

/** `journal_20261121_pkey` and `journal_default` are `journal_pkey` and `journal`. */
const whole = (name: string): string => name.replace(/_(\d{8}|default)(?=_|$)/, '');

function accessesOf(node: Node, firsts: Firsts): readonly Access[] {
  const { 'Relation Name': table, 'Node Type': type } = node;
  const below = node.Plans ?? [];
  if (table !== undefined && type.endsWith('Scan')) {
    const indexes = type === 'Bitmap Heap Scan' ? below.flatMap(indexesBelow) : [node];
    const rows =
      (node['Actual Rows'] ?? 0) +
      (node['Rows Removed by Filter'] ?? 0) +
      (node['Rows Removed by Index Recheck'] ?? 0);
    return indexes.map((each) => {
      const index = each['Index Name'];
      const first = index === undefined ? undefined : firsts.get(index);
      return {
        table: whole(table),
        index: index === undefined ? undefined : whole(index),
        isBound: type === 'Tid Scan' || new RegExp(`\\b${first}\\b`).test(each['Index Cond'] ?? ''),
        rows: rows * (node['Actual Loops'] ?? 1),
      };
    });
  }
  return below.flatMap((each) => accessesOf(each, firsts));
}

/** A bitmap may be made of several. */
function indexesBelow(node: Node): readonly Node[] {
  return node['Index Name'] === undefined ? (node.Plans ?? []).flatMap(indexesBelow) : [node];
}
