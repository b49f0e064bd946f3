import { afterAll, beforeAll } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from './gateway.js';
import { TestOwner } from './owner.js';

const PARTITIONS = 4;

/** One database, a gateway before it and a stand-in for the schedulers: for all tests of a file. */
export class GatewaySuite {
  private parts: readonly [TestDatabase, TestGateway, TestOwner] | undefined;

  constructor(readonly partitions = PARTITIONS) {
    beforeAll(async () => {
      const database = await startTestDatabase(partitions);
      const gateway = await startTestGateway({ url: database.url });
      this.parts = [database, gateway, new TestOwner(database.url)];
    });
    afterAll(async () => {
      const [database, gateway, owner] = this.started;
      await owner.stop();
      await gateway.stop();
      await database.stop();
    });
  }

  get database(): TestDatabase {
    return this.started[0];
  }
  get gateway(): TestGateway {
    return this.started[1];
  }
  get owner(): TestOwner {
    return this.started[2];
  }

  private get started(): readonly [TestDatabase, TestGateway, TestOwner] {
    if (this.parts === undefined) throw new Error('the suite has not started');
    return this.parts;
  }
}
