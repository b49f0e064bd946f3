import { DataSource } from 'typeorm';
import { type Installation, install } from '#postgres';
import { Foundation1763700000000 } from './migrations/0001-foundation.js';

const MIGRATION_LOCK = 7_211_733;

/** Brings the database to this program's schema; safe to call from any number of processes. */
export async function migrate(
  url: string,
  partitions?: number,
  cluster = 'main',
): Promise<Installation> {
  const source = new DataSource({
    type: 'postgres',
    url,
    schema: 'public',
    migrations: [Foundation1763700000000],
    migrationsTableName: 'orrery_migration',
    synchronize: false,
    logging: ['error'],
    poolSize: 2,
    applicationName: 'orrery/migrate',
  });
  await source.initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await source.runMigrations({ transaction: 'each' });
    return await install(runner, { partitions, cluster });
  } finally {
    await runner.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await runner.release();
    await source.destroy();
  }
}
