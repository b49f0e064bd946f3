import type { MigrationInterface, QueryRunner } from 'typeorm';
import { COMMIT } from '../functions/commit.sql.js';
import { GRANTS, UPKEEP_GRANTS } from '../functions/grants.sql.js';
import { INTAKE } from '../functions/intake.sql.js';
import { DIRECTORY, LOGS } from '../functions/journal.sql.js';
import { LOAD } from '../functions/load.sql.js';
import { OWNERSHIP } from '../functions/ownership.sql.js';
import { UPKEEP } from '../functions/upkeep.sql.js';
import { ROLES } from '../schema/roles.sql.js';
import { DEFINITION_TABLES, POLICIES, TABLES } from '../schema/tables.sql.js';

export class Foundation1763700000000 implements MigrationInterface {
  readonly name = 'Foundation1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ROLES);
    await runner.query(TABLES);
    await runner.query(DEFINITION_TABLES);
    await runner.query(POLICIES);
    await runner.query('set role orrery_writer');
    for (const functions of [COMMIT, INTAKE, OWNERSHIP, LOAD, LOGS, DIRECTORY, GRANTS]) {
      await runner.query(functions);
    }
    await runner.query('set role orrery_owner');
    await runner.query(UPKEEP);
    await runner.query(UPKEEP_GRANTS);
    await runner.query('reset role');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop schema orrery cascade');
  }
}
