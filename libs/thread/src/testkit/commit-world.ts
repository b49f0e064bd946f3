import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { until } from '#actor';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { type CuttingProxy, startProxy } from '../../../../test/support/proxy.js';
import { CommitRig } from './commit-rig.js';

const BOUND_MS = 5_000;

/** A database behind a proxy for a suite, and a committer of its own for each test. */
export class CommitWorld {
  database!: TestDatabase;
  proxy!: CuttingProxy;
  rig!: CommitRig;

  static forSuite(): CommitWorld {
    const world = new CommitWorld();
    beforeAll(async () => {
      world.database = await startTestDatabase(4);
      const { hostname, port } = new URL(world.database.url);
      world.proxy = await startProxy({ host: hostname, port: Number(port) });
    }, 60_000);
    afterAll(async () => {
      await world.proxy.stop();
      await world.database.stop();
    });
    beforeEach(async () => {
      const url = new URL(world.database.url);
      url.port = String(world.proxy.port);
      world.rig = new CommitRig(world.database.url, url.href);
      await world.rig.own();
    });
    afterEach(async () => {
      await world.rig.stop();
      await trouble.empty(world.database.admin);
    });
    return world;
  }

  async idle(): Promise<void> {
    await until(() => this.rig.committer.isIdle, BOUND_MS);
  }

  async count(table: string, where = 'true', values: unknown[] = []): Promise<number> {
    const { rows } = await this.database.admin.query(
      `select count(*)::int as n from ${table} where ${where}`,
      values,
    );
    return rows[0]?.['n'] as number;
  }

  /** Events in the journal, and the head of the partition's row: they must say the same. */
  async journal(partition: number): Promise<{ events: number; head: number }> {
    const { rows } = await this.database.admin.query(
      `select (select coalesce(sum(n), 0) from journal where partition = $1)::int as events,
         seq::int as head from partition where id = $1`,
      [partition],
    );
    return rows[0] as { events: number; head: number };
  }
}
