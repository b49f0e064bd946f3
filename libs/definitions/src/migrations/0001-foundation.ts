import type { MigrationInterface, QueryRunner } from 'typeorm';
import { FOUNDATION } from '#postgres';

export class Foundation1763700000000 implements MigrationInterface {
  readonly name = 'Foundation1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of FOUNDATION) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop schema orrery cascade');
  }
}
