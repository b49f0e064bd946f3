import { Connection } from './connection.js';

/** What this program reads and writes; the commit's and the claim's guard against older readers. */
export const FORMAT = 7;

export interface Installation {
  readonly format: number;
  readonly partitions: number;
  /** Changes when the cluster is restored to an earlier point: floors and cursors end with it. */
  readonly life: string;
}

/** The row that says what this database is, and its partitions; what is there stays. */
export async function install(
  runner: { query(text: string, values?: unknown[]): Promise<unknown> },
  partitions: number,
): Promise<Installation> {
  await runner.query('set role orrery_owner');
  await runner.query('set search_path = orrery');
  await runner.query(
    'insert into installation (format, partitions) values ($1, $2) on conflict do nothing',
    [FORMAT, partitions],
  );
  const [installed] = (await runner.query(
    'select format, partitions, life from installation',
  )) as Installation[];
  if (installed === undefined) throw new Error('the installation row is missing');
  if (installed.format !== FORMAT) {
    throw new Error(
      `it holds Orrery's format ${installed.format}, and this program reads format ${FORMAT}`,
    );
  }
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
export async function readInstallation(url: string): Promise<Installation> {
  const connection = new Connection({ url, role: 'orrery_scheduler', name: 'orrery/start' });
  try {
    const [installed] = await connection.query<{
      format: number;
      partitions: number;
      life: string;
    }>('installation', 'select format, partitions, life from installation', []);
    if (installed === undefined) throw new Error('the database is not migrated: orrery migrate');
    return installed;
  } finally {
    await connection.stop();
  }
}
