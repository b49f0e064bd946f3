import pg from 'pg';
import { Connection } from './connection.js';

/** What this program reads and writes; the commit's and the claim's guard against older readers. */
export const FORMAT = 9;
const PARTITIONS_DEFAULT = 64;

export interface Installation {
  readonly format: number;
  readonly partitions: number;
  /** Its name: it stands in every topic. */
  readonly cluster: string;
  /** Changes when the cluster is restored to an earlier point: floors and cursors end with it. */
  readonly life: string;
}
/** What a process was told of the installation that it is to work for. */
export interface Expected {
  readonly cluster: string;
  /** Undefined: whatever there is. */
  readonly partitions: number | undefined;
}

/** Whole, so that a row of another format is read as well: a column that it lacks is no error. */
const READ = `select to_json(i) as row from installation i`;

/** The row that says what this database is, and its partitions; what is there stays. */
export async function install(
  runner: { query(text: string, values?: unknown[]): Promise<unknown> },
  expected: Expected,
): Promise<Installation> {
  await runner.query('set role orrery_owner');
  await runner.query('set search_path = orrery');
  const read = async (): Promise<Installation | undefined> =>
    ((await runner.query(READ)) as { readonly row: Installation }[])[0]?.row;
  const before = await read();
  if (before === undefined) {
    await runner.query(
      'insert into installation (format, partitions, cluster) values ($1, $2, $3)',
      [FORMAT, expected.partitions ?? PARTITIONS_DEFAULT, expected.cluster],
    );
  }
  const installed = checked(before ?? (await read()), expected);
  await runner.query(
    `insert into partition (id) select generate_series(0, $1::int4 - 1)::int2
     on conflict do nothing`,
    [installed.partitions],
  );
  await runner.query('select make_time_partitions()');
  await runner.query('reset role');
  await runner.query('reset search_path');
  return installed;
}

/** What was installed, read by a process that does not migrate. */
export async function readInstallation(url: string, expected?: Expected): Promise<Installation> {
  const connection = new Connection({ url, role: 'orrery_scheduler', name: 'orrery/start' });
  try {
    const rows = await connection.query<{ row: Installation }>('installation', READ, []);
    return checked(rows[0]?.row, expected);
  } catch (error) {
    // No such table, no such role, no such schema: nobody has been here.
    const isBare =
      error instanceof pg.DatabaseError && /^(42P01|22023|3F000)$/.test(error.code ?? '');
    throw isBare ? new Error(UNMIGRATED) : error;
  } finally {
    await connection.stop();
  }
}

const UNMIGRATED = 'the database is not migrated: orrery migrate';

/** In one sentence that names both sides: what the database is, and what this process is. */
function checked(found: Installation | undefined, expected: Expected | undefined): Installation {
  if (found === undefined) throw new Error(UNMIGRATED);
  const { format, cluster, partitions, life } = found;
  if (format !== FORMAT) {
    const which = format > FORMAT ? 'a newer' : 'an older';
    throw new Error(
      `the database holds Orrery's format ${format}, and this program reads format ${FORMAT}: ` +
        `it takes ${which} program, or this one another database`,
    );
  }
  if (expected !== undefined && cluster !== expected.cluster) {
    throw new Error(
      `the database belongs to the cluster ${cluster}, ` +
        `and this process to the cluster ${expected.cluster} (ORRERY_CLUSTER)`,
    );
  }
  if (expected?.partitions !== undefined && partitions !== expected.partitions) {
    throw new Error(
      `the database was installed with ${partitions} partitions, ` +
        `and this process was told of ${expected.partitions} (ORRERY_PARTITIONS)`,
    );
  }
  return { format, partitions, cluster, life };
}
