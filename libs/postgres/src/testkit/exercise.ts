import { sealAttempt, sealGrant, stateCode } from '#core';
import {
  advanceBulk,
  beginBulk,
  cancelBulk,
  failBulk,
  keepBulks,
  releaseBulks,
  slowBulk,
} from '../bulk.js';
import { Connection, newSession } from '../connection.js';
import { loadHeld, loadHold } from '../holds.js';
import { intakeBatch } from '../intake.js';
import {
  FIRST_ID,
  fetchParams,
  fetchRuns,
  loadExpiries,
  loadLane,
  loadLanes,
  loadPartitions,
  sweepInbox,
} from '../load.js';
import { appendLogs, cutLog, readLogBounds, readLogSources } from '../logs.js';
import {
  claimPartition,
  leaveNode,
  giveUpPartition,
  releasePartitions,
  touchNode,
  wantPartition,
} from '../ownership.js';
import {
  Reader,
  countTargets,
  findAnswers,
  findBulk,
  findCached,
  findExecutors,
  findKeyedBulk,
  findRunBodies,
  findRunTraits,
  findRuns,
  listBulks,
  listClusterEvents,
  listExecutors,
  listRuns,
  listTargets,
  readAside,
  readLogs,
  readLags,
  readPartitions,
  readPlace,
  readRunTimes,
  readRunEvents,
} from '../read/index.js';
import { readHeads, readJournal, readOldest } from '../read/journal.js';
import { Specifications } from '../specifications.js';
import { emptyExpired, readUpkeep } from '../upkeep.js';
import type { Known, Life } from './life.js';

/** More often than a statement is planned for its values alone. */
const TIMES = 7;
const BOUNDS = { segments: 100, bytes: 1_000_000 };

/** Everything that is called while Orrery runs, on connections of its own, as the product does. */
export async function exercise(life: Life): Promise<void> {
  const known: Known[] = [];
  for (let i = 0; i < TIMES; i++) known.push(...(await writeAll(life)));
  await owners(life, known);
  await bulks(life, known);
  await feeds(life);
  await pages(life, known);
  await upkeep(life);
}

async function writeAll(life: Life): Promise<Known[]> {
  const runs = [0, 1, 2, 3].map((n) => life.newRun(n));
  const known = await life.submit(runs, true);
  // The same requests again, under a new id: each key has been taken.
  const keys = runs.map(({ project, id, spec }) => {
    return { project, operation: 'submitRun', key: `key ${id}`, hash: spec, ref: life.id() };
  });
  const again = { id: life.id(), specifications: [], runs: [], commands: [], keys };
  await intakeBatch(life.intake, again);
  await intakeBatch(life.intake, again);
  const waiting = { partition: 0, id: life.id(), kind: 1, ref: null, payload: '{}' };
  await life.commit(known.slice(0, 1), () => ({ outgoing: [waiting], answers: [] }));
  await life.takeIn(known);
  await life.commit(known.slice(0, 2), (mine) => ({
    open: mine.map((each) => sealAttempt(life.grant(each))),
  }));
  await life.commit(known.slice(0, 1), (mine) => ({
    granted: mine.map((each) => sealGrant(life.grant(each, 2))),
  }));
  await life.commit(known.slice(0, 1), () => ({
    named: [waiting.id],
    aside: [{ id: life.id(), run: null, kind: 'submit', bytes: '{}', error: 'no' }],
    executors: [
      {
        id: 'x0',
        pool: 'default',
        state: stateCode('READY'),
        incarnation: 2,
        since: 1,
        record: '{}',
        closed: 2,
        emptyBy: 1,
      },
    ],
  }));
  await life.end(known.slice(2));
  const { id: over = '' } = known[2]?.run ?? {};
  const keyed = { project: life.project, key: life.id(), run: over };
  await life.commit(known.slice(0, 1), () => ({
    released: [keyed],
    cached: [{ ...keyed, expires: Date.now() }],
    reused: [{ run: over, from: known[3]?.run.id ?? over }],
    discarded: [{ run: over, by: 'ada', reason: 'old' }],
  }));
  const { id: run } = runs[0] ?? { id: '' };
  const day = new Date().toISOString().slice(0, 10);
  const place = { partition: 1, run, attempt: 1, stream: 0, offset: 0 };
  const chunk = { day, ...place, project: 'project', body: 'x' };
  await appendLogs(life.owner, [chunk]);
  await readLogSources(life.owner, [run]);
  const bounds = await readLogBounds(life.owner, chunk, 1);
  await cutLog(life.owner, chunk, { ...bounds, tail: (bounds.tail ?? 0) + 1 }, 10);
  return known;
}

async function owners(life: Life, known: readonly Known[]): Promise<void> {
  const connection = life.connect('orrery_scheduler', true);
  const ids = known.map(({ run }) => run.id);
  try {
    for (let i = 0; i < TIMES; i++) {
      const specifications = new Specifications();
      const epoch = life.epochs.get(1) ?? 0;
      const page = { partition: 1, window: 64 };
      const partitions = [...life.epochs].map(([partition, at]) => ({ partition, epoch: at }));
      await loadPartitions(connection, { partitions, window: 64 }, specifications);
      await loadLane(connection, { ...page, lane: '101' }, specifications);
      const [last = null] = (await loadLanes(connection, { ...page, epoch, after: null })).slice(
        -1,
      );
      await loadLanes(connection, { ...page, epoch, after: last });
      await loadExpiries(connection, { ...page, partition: 4, after: 0 });
      await loadHold(connection, life.project);
      const held = { ...page, job: life.project, after: null };
      await loadHeld(connection, held, specifications);
      await fetchRuns(connection, ids, specifications);
      await fetchParams(connection, ids);
      const from = [0, 1, 2].map((partition) => ({ partition, after: FIRST_ID }));
      await sweepInbox(connection, from, 64, specifications);
      await touchNode(connection, 't2', newSession(), 'scheduler');
      await wantPartition(connection, 2, 't2');
      await releasePartitions(
        connection,
        [{ partition: 3, epoch: life.epochs.get(3) ?? 0 }],
        'test',
      );
      await giveUpPartition(connection, 3, life.epochs.get(3) ?? 0, 'test');
      const claim = await claimPartition(connection, 3, life.epochs.get(3) ?? 0, 't1');
      life.epochs.set(3, claim?.epoch ?? 0);
      await leaveNode(connection, 't2', 'nobody');
    }
  } finally {
    await connection.stop();
  }
}

async function bulks(life: Life, known: readonly Known[]): Promise<void> {
  const connection = life.connect('orrery_intake', true);
  const lease = { holder: 'gateway', leaseMs: 1_000 };
  const { project } = life;
  try {
    for (let i = 0; i < TIMES; i++) {
      const key = { key: life.id(), hash: life.spec(0) };
      const bulk = { id: life.id(), project, request: '{}', by: 'x', last: life.middle() };
      await beginBulk(connection, { ...bulk, matched: 2, key }, lease, 1_000);
      await keepBulks(connection, [bulk.id], lease, 10);
      const runs = [life.newRun(1), life.newRun(2, { retryOf: known[i]?.run.id ?? project })];
      const batch = { id: life.id(), specifications: [], runs, commands: [], keys: [] };
      const from = { ...bulk, cursor: FIRST_ID, applied: 0, refused: 0 };
      const to = { cursor: bulk.last, applied: 1, refused: 0, isDone: false };
      await advanceBulk(connection, from, lease.holder, batch, to);
      await slowBulk(connection, bulk.id, lease.holder, 9, 'slow');
      await cancelBulk(connection, bulk.id, 'x', 'no');
      await failBulk(connection, bulk.id, lease.holder, 'no');
      await releaseBulks(connection, lease.holder);
    }
  } finally {
    await connection.stop();
  }
}

async function feeds(life: Life): Promise<void> {
  const connection = life.connect('orrery_feed', true);
  try {
    for (let i = 0; i < TIMES; i++) {
      const places = [0, 1, 2].map((partition) => ({ partition, after: 1_500_000 }));
      await readJournal(connection, places, BOUNDS);
      await readHeads(connection, [0, 1, 2]);
      await readOldest(connection);
    }
  } finally {
    await connection.stop();
  }
}

async function pages(life: Life, known: readonly Known[]): Promise<void> {
  const { url, project } = life;
  const name = 'orrery/test/pages';
  const reader = new Reader({ url, name, role: 'orrery_gateway_read', connections: 1 });
  const journal = new Reader({ url, name, role: 'orrery_feed', connections: 1 });
  const ids = known.map(({ run }) => run.id);
  const [{ run, at }] = known as [Known];
  const middle = life.middle();
  const page = { project, filter: {}, order: 'NEWEST', after: null, limit: 51 } as const;
  try {
    for (let i = 0; i < TIMES; i++) {
      await listRuns(reader, page);
      await listRuns(reader, { ...page, order: 'OLDEST' });
      await listRuns(reader, { ...page, after: middle });
      await listRuns(reader, { ...page, filter: { states: ['SUCCEEDED'] } });
      await listRuns(reader, { ...page, filter: { ids } });
      const some = { ...page, order: 'OLDEST', after: middle, upto: run.id } as const;
      const waiting = { states: ['READY'], submittedBefore: at } as const;
      await listTargets(reader, { ...some, filter: waiting });
      const dead = { states: ['DEAD'], finishedBefore: at, discarded: false } as const;
      await countTargets(reader, { ...some, filter: { ...dead, retried: false } });
      await findBulk(reader, [project], run.id);
      await listBulks(reader, project, { after: null, limit: 51 });
      await findKeyedBulk(reader, project, `key ${run.id}`);
      await findRuns(reader, [project], ids);
      await findRunBodies(reader, [project], ids);
      await findRunTraits(reader, project, ids);
      await findAnswers(reader, ids);
      await findCached(reader, project, ids);
      await listExecutors(reader, { after: null, limit: 51 });
      await findExecutors(reader, ['x0', 'x1']);
      await readPartitions(reader);
      await readLags(reader);
      await listClusterEvents(reader, { partition: null, kinds: null, after: 9, limit: 51 });
      await readPlace(reader, project, run.id);
      await readAside(reader, project, run.id);
      await readRunTimes(reader, project, life.spec(0), 50);
      await readLogs(reader, [{ project, run: run.id, attempt: 1, after: 0 }], 100);
      const { partition } = run;
      await readRunEvents(journal, { run: run.id, partition, seqs: [1, 2], since: at });
    }
  } finally {
    await reader.stop();
    await journal.stop();
  }
}

async function upkeep(life: Life): Promise<void> {
  const connection = new Connection({ url: life.url, role: 'orrery_scheduler', name: 'upkeep' });
  try {
    for (let i = 0; i < TIMES; i++) {
      await emptyExpired(connection, 10);
      await readUpkeep(connection);
    }
  } finally {
    await connection.stop();
  }
}
