import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { laneOf } from '#core';
import { hashOf } from '#definitions';
import { Connection, type NewRun, Reader, findRuns } from '#postgres';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { Link } from '../../../../test/support/link.js';
import { silent } from '../testkit/gateway.js';
import { GroupCommit } from './group-commit.js';
import { Ids } from './ids.js';
import type { IntakeItem, Written } from './item.js';

const PROJECT = '11111111-1111-4111-8111-111111111111';
const POLICY = {
  retry: {
    maxAttempts: 1,
    delayMs: 0,
    backoff: 'FIXED',
    factor: 1,
    maxDelayMs: 0,
    jitter: 'NONE',
  },
  timeoutMs: 1,
  graceMs: 1,
  lostAfterMs: null,
  retentionMs: 1,
  jobName: '',
  projectName: 'p',
} as const;

let database: TestDatabase;
let link: Link;
let reader: Reader;
let intake: GroupCommit;
let ids: Ids;
let committed: string[];

beforeAll(async () => {
  database = await startTestDatabase(4);
  link = new Link(() => Number(new URL(database.url).port));
  await link.start();
  reader = new Reader({ url: database.url, name: 'test', role: 'orrery_gateway_read' });
});
afterAll(async () => {
  await reader.stop();
  await link.stop();
  await database.stop();
});
beforeEach(() => {
  ids = new Ids();
  committed = [];
  intake = startIntake(2);
});
afterEach(() => intake.stop());

function startIntake(connections: number): GroupCommit {
  const url = new URL(database.url);
  url.port = String(link.port);
  const connect = (): Connection =>
    new Connection({ url: url.href, role: 'orrery_intake', name: 'test/intake', pinned: true });
  return new GroupCommit({
    connections: Array.from({ length: connections }, connect),
    atomic: connect(),
    ids,
    log: silent,
    committed: (runs) => committed.push(...runs.map(({ id }) => id)),
  });
}

function item(key?: string, request = 'same', more: Partial<NewRun> = {}): IntakeItem {
  const spec = hashOf('spec');
  const lane = laneOf({ pool: 'default', need: 'shell', project: PROJECT, priority: 5 });
  return {
    run: {
      id: ids.next(),
      partition: 1,
      project: PROJECT,
      job: null,
      jobVersion: null,
      spec,
      kind: 'SHELL',
      pool: 'default',
      need: 'shell',
      priority: 5,
      lane,
      at: null,
      afterMs: null,
      startDeadlineMs: null,
      retryOf: null,
      params: null,
      labels: null,
      ...more,
    },
    specification: { project: PROJECT, hash: spec, body: '{}', policy: POLICY },
    ...(key === undefined
      ? {}
      : { key: { project: PROJECT, operation: 'submitRun', key, hash: hashOf(request) } }),
  };
}

const idOf = (each: IntakeItem): string => each.run?.id ?? '';
const kinds = (written: readonly Written[]): string[] => written.map(({ kind }) => kind);

async function stored(items: readonly IntakeItem[]): Promise<string[]> {
  const found = await findRuns(reader, [PROJECT], items.map(idOf));
  return found.map(({ id }) => id).sort();
}

/** What a run can have that PostgreSQL refuses for good: no int2. */
const unwritable = { priority: 99_999 };

describe('idempotency', () => {
  it('20 clients with one key make one run, and 19 hear of it', async () => {
    const items = Array.from({ length: 20 }, () => item('k-20'));
    const written = (await Promise.all(items.map((each) => intake.submit([each])))).flat();
    const replayed = Array.from({ length: 19 }, () => 'replayed');
    expect(kinds(written).sort()).toEqual([...replayed, 'written']);
    const [run] = await stored(items);
    expect(await stored(items)).toHaveLength(1);
    for (const each of written) if (each.kind === 'replayed') expect(each.ref).toBe(run);
  });

  it('a key twice in one batch is folded; another request under it is a conflict', async () => {
    const items = [item('k-2'), item('k-2'), item('k-2', 'other')];
    const written = await intake.submit(items);
    expect(kinds(written)).toEqual(['written', 'replayed', 'conflict']);
    expect(await stored(items)).toEqual([idOf(items[0] as IntakeItem)]);
    // And in a later batch, where the first of it has lost already.
    const again = await intake.submit([item('k-2', 'other'), item('k-2')]);
    expect(kinds(again)).toEqual(['conflict', 'replayed']);
  });

  it('batches with keys in opposite order do not wait for each other', async () => {
    const keys = Array.from({ length: 150 }, (_, i) => `o-${i}`);
    const other = startIntake(1);
    try {
      for (let round = 0; round < 5; round++) {
        const named = keys.map((key) => `${key}-${round}`);
        const [left, right] = await Promise.all([
          intake.submit(named.map((key) => item(key))),
          other.submit(named.toReversed().map((key) => item(key))),
        ]);
        const all = [...kinds(left), ...kinds(right)];
        expect(all.filter((kind) => kind === 'written')).toHaveLength(150);
        expect(all.filter((kind) => kind === 'replayed')).toHaveLength(150);
      }
    } finally {
      await other.stop();
    }
  });
});

describe('an unknown outcome', () => {
  it.each(['before-send', 'before-answer', 'in-answer'] as const)(
    'cut %s: the batch is repeated under its id, and there is one run',
    async (how) => {
      const params = JSON.stringify({ marker: `cut-${how}` });
      const each = item(`k-${how}`, 'same', { params });
      const cut = link.cutNext(`cut-${how}`, how);
      const [written] = await intake.submit([each]);
      await cut;
      expect(written?.kind).toBe('written');
      expect(await stored([each])).toEqual([idOf(each)]);
      expect(committed).toEqual([idOf(each)]);
      expect(kinds(await intake.submit([item(`k-${how}`)]))).toEqual(['replayed']);
    },
  );

  it('a database that is away is told within the time, and nothing was written', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const away = new GroupCommit({
        connections: [
          new Connection({ url: 'postgres://127.0.0.1:1/x', role: 'orrery_intake', name: 'x' }),
        ],
        atomic: new Connection({ url: 'postgres://127.0.0.1:1/x', role: 'none', name: 'x' }),
        ids,
        log: silent,
        committed: () => undefined,
      });
      const written = Promise.all([away.submit([item()]), away.submitTogether([item()])]);
      await vi.advanceTimersByTimeAsync(8_001);
      expect((await written).flat()).toEqual([{ kind: 'unavailable' }, { kind: 'unavailable' }]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a row that can never be written', () => {
  it('stands alone in the end, and its neighbours are written', async () => {
    const items = [item(), item('bad', 'same', unwritable), item(), item('bad'), item()];
    const written = await intake.submit(items);
    expect(kinds(written)).toEqual(['written', 'refused', 'written', 'refused', 'written']);
    expect(await stored(items)).toHaveLength(3);
    // The key of what was refused is free.
    expect(kinds(await intake.submit([item('bad')]))).toEqual(['written']);
  });

  it('takes its whole atomic batch with it', async () => {
    const items = [item(), item(undefined, 'same', unwritable), item()];
    expect(kinds(await intake.submitTogether(items))).toEqual(['refused', 'refused', 'refused']);
    expect(await stored(items)).toEqual([]);
    expect(kinds(await intake.submitTogether([item(), item()]))).toEqual(['written', 'written']);
  });
});

describe('order and bounds', () => {
  it('a single submission is not behind thousands', async () => {
    const settled: string[] = [];
    const bulk = intake.submit(Array.from({ length: 3_000 }, () => item()));
    void bulk.then(() => settled.push('bulk'));
    await intake.submit([item()]).then(() => settled.push('single'));
    expect(kinds(await bulk).every((kind) => kind === 'written')).toBe(true);
    expect(settled).toEqual(['single', 'bulk']);
  });

  it('refuses what it has no room for, and takes what comes later', async () => {
    const many = Array.from({ length: 50_001 }, () => item());
    expect(new Set(kinds(await intake.submit(many)))).toEqual(new Set(['overloaded']));
    expect(kinds(await intake.submit([item()]))).toEqual(['written']);
  });

  it('after a stop nothing is taken', async () => {
    await intake.stop();
    expect(kinds(await intake.submit([item()]))).toEqual(['overloaded']);
  });
});
