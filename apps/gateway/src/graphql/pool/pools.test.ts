import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CursorCodec } from '#feed';
import { type TestDatabase, startTestDatabase } from '../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../testkit/gateway.js';
import { TestOwner, type TestRun } from '../../testkit/owner.js';
import { bearer, connect, listen } from '../../testkit/socket.js';

const CHANGE_SHOWN_WITHIN_MS = 1_000;
let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
let client: Client;
beforeAll(async () => {
  database = await startTestDatabase(4);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
  client = connect(await listen(gateway), bearer(gateway.key));
});
afterAll(async () => {
  await client.dispose();
  await owner.stop();
  await gateway.stop();
  await database.stop();
});

/** Waits for an executor of the pool, as its owner and its intake leave it. */
async function submit(pool: string): Promise<TestRun> {
  const { run } = await gateway.get<{
    run: { id: string; cursor: string; project: { id: string } };
  }>(
    `mutation ($spec: JSON) { submitRun(input: { project: "demo", spec: $spec }) {
      run { id cursor project { id } } } }`,
    { spec: { kind: 'function', name: 'noop', pool } },
  );
  const place = new CursorCodec(database.life).decode(run.cursor);
  if (!place.ok || place.cursor.kind !== 'one') throw new Error('not a cursor of one run');
  return { id: run.id, project: run.project.id, partition: place.cursor.partition };
}

/** What a subscription says, one after the other; the first that is so ends it. */
async function followUntil<T>(query: string, isSo: (value: T) => boolean): Promise<T[]> {
  const seen: T[] = [];
  for await (const { data, errors } of client.iterate({ query })) {
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    seen.push(Object.values(data as Record<string, T>)[0] as T);
    if (isSo(seen.at(-1) as T)) break;
  }
  return seen;
}

interface Pool {
  readonly name: string;
  readonly slots: number;
  readonly busy: number;
  readonly waiting: number;
  readonly oldestWaiting: string | null;
}
const POOL = '{ name slots busy waiting oldestWaiting }';

describe('pools', () => {
  it('say what they have and what waits for them, also one without an executor', async () => {
    await owner.executor('one', 'wide', 'ACTIVE', 3);
    await owner.executor('two', 'wide', 'ACTIVE', 4);
    await owner.executor('gone', 'wide', 'OFFLINE', 9);
    const granted = await submit('wide');
    await submit('nobody');
    await submit('nobody');
    await owner.open(granted, 'one');
    const name = 'wide';
    const seen = await followUntil<Pool>(
      `subscription { poolChanged(name: "${name}") ${POOL} }`,
      ({ busy }) => busy === 1,
    );
    expect(seen.at(-1)).toEqual({ name, slots: 7, busy: 1, waiting: 0, oldestWaiting: null });
    const pools = await gateway.get<Pool[]>(`{ pools ${POOL} }`);
    expect(pools.map((pool) => [pool.name, pool.waiting])).toEqual([
      ['nobody', 2],
      ['wide', 0],
    ]);
    expect(pools[0]).toMatchObject({ slots: 0, busy: 0 });
    expect(pools[0]?.oldestWaiting).toMatch(/^[\d.]+m?s$/);
    const { nodes } = await gateway.get<{ nodes: unknown[] }>(
      '{ executors(filter: { pools: ["wide"] }) { nodes { id busy pool { name slots busy } } } }',
    );
    const pool = { name, slots: 7, busy: 1 };
    expect(nodes).toEqual([
      { id: 'gone', busy: 0, pool },
      { id: 'one', busy: 1, pool },
      { id: 'two', busy: 0, pool },
    ]);
    expect(await gateway.get('{ executor(id: "one") { busy } }')).toEqual({ busy: 1 });
  });

  it('poolChanged: of one that is not there yet, and then is', async () => {
    const following = followUntil<Pool>(
      `subscription { poolChanged(name: "later") ${POOL} }`,
      ({ slots, waiting }) => slots === 2 && waiting === 1,
    );
    await submit('later');
    await owner.executor('late', 'later', 'ACTIVE', 2);
    const seen = await following;
    expect(seen.at(-1)).toMatchObject({ name: 'later', slots: 2, busy: 0, waiting: 1 });
  });
});

describe('fleetChanged', () => {
  it('tells of each executor that is meant, and of a change within a second', async () => {
    await owner.executor('steady', 'fleet', 'ACTIVE', 1);
    await owner.executor('dying', 'fleet', 'ACTIVE', 1);
    await owner.executor('other', 'elsewhere', 'ACTIVE', 1);
    let diedAt = 0;
    const seen = await followUntil<{ id: string; state: string }>(
      `subscription { fleetChanged(filter: { pools: ["fleet"], states: [ACTIVE] }) { id state } }`,
      ({ id, state }) => {
        if (diedAt === 0 && id === 'steady') {
          diedAt = performance.now();
          void owner.executor('dying', 'fleet', 'OFFLINE', 1);
        }
        return state === 'OFFLINE';
      },
    );
    expect(performance.now() - diedAt).toBeLessThan(CHANGE_SHOWN_WITHIN_MS);
    expect(seen.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'dying ACTIVE',
      'steady ACTIVE',
      'dying OFFLINE',
    ]);
  });
});
