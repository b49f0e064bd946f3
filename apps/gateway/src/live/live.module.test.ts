import { randomUUID } from 'node:crypto';
import { Test } from '@nestjs/testing';
import { EMPTY, of } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { LIVE_LOGS, type LiveLogs } from './live-logs.js';
import { LIVE_RUNS, type LiveRuns } from './live-runs.js';
import { LiveModule } from './live.module.js';
import { silent, topics } from './testkit/rig.js';

const PARTITIONS = 4;
let database: TestDatabase;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
});
afterAll(() => database.stop());

it('the module starts with the application and ends its streams with it', async () => {
  const module = await Test.createTestingModule({
    imports: [
      LiveModule.for({
        gateway: 'g',
        databaseUrl: database.url,
        installation: { format: 1, partitions: PARTITIONS, cluster: 'main', life: database.life },
        topics,
        wire: { publish: () => true, messages$: () => EMPTY, up$: of(true) },
        log: silent,
      }),
    ],
  }).compile();
  await module.init();
  const live = module.get<LiveRuns>(LIVE_RUNS);
  const stream = live.events({ projects: [], filter: {} });
  const changed = live.changed({ id: 'r', partition: 1 });
  const log = module.get<LiveLogs>(LIVE_LOGS).follow({
    project: randomUUID(),
    run: randomUUID(),
    attempt: null,
    after: 0,
    finishedAt: null,
  });
  expect((await stream.next()).done).toBe(false);
  expect((await changed.next()).done).toBe(false);
  const waiting = [stream.next(), changed.next(), log.next()];
  await module.close();
  for (const { done } of await Promise.all(waiting)) expect(done).toBe(true);
});
