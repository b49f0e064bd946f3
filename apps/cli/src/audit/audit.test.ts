import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Cell } from '#core';
import { AuditReader } from '#postgres';
import { encodeSegment } from '#protocol';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { Audit, type AuditBounds, type Audited, BOUNDS } from './audit.js';
import { Recorded } from './testkit/recorded.js';

let database: TestDatabase;
let reader: AuditReader;
let recorded: Recorded;
beforeAll(async () => {
  database = await startTestDatabase(2);
  reader = await AuditReader.open(database.url);
  recorded = new Recorded(database.url, 1);
}, 60_000);
afterAll(async () => {
  await recorded.stop();
  await reader.stop();
  await database.stop();
});
beforeEach(async () => {
  await trouble.empty(database.admin);
  await recorded.own();
});

const audit = async (given: Partial<AuditBounds> = {}): Promise<Audited> =>
  await new Audit(reader, Date.now() - 3_600_000, { ...BOUNDS, ...given }).run();
const wrongs = async (): Promise<string[]> =>
  (await audit()).violations.map(({ run, wrong }) => `${run?.slice(-2) ?? '-'} ${wrong}`);
const last2 = ({ facts }: Cell): string => facts.id.slice(-2);

/** A run of its own events, and one that is as it should be beside it. */
async function two(): Promise<readonly [Cell, Cell]> {
  return [await recorded.whole(), await recorded.whole()];
}

describe('where all is well', () => {
  test('says what it has looked at', async () => {
    await two();
    await recorded.submit();
    const taken = await recorded.submit('key');
    await recorded.takeIn(taken);
    await recorded.grant(taken);
    const { figures, violations } = await audit();
    expect(violations).toEqual([]);
    expect(figures).toEqual({
      partitions: 2,
      segments: 8,
      events: 10,
      runs: 3,
      tokens: 3,
      starts: 2,
      finished: 2,
      submissions: 4,
      keys: 1,
      violations: 0,
    });
  });

  test('so it is in passes and pages of the smallest', async () => {
    for (let i = 0; i < 7; i++) await recorded.whole(`key ${i}`);
    const whole = await audit();
    expect(whole.figures).toMatchObject({ runs: 7, submissions: 7, keys: 7, events: 28 });
    expect(await audit({ events: 3, segments: 2, rows: 2 })).toEqual(whole);
  });
});

describe('a token that ran twice', () => {
  test('is an attempt that was granted again', async () => {
    const [cell] = await two();
    const again = recorded.event(cell, 'GRANTED', 'SUCCEEDED', 'GRANTED');
    await recorded.commit([again]);
    const id = last2(cell);
    expect(await wrongs()).toEqual([
      `${id} attempt 1 was granted a second time, by event ${again.seq}`,
      `${id} its row says SUCCEEDED, and the journal GRANTED`,
    ]);
  });

  test('or one that started again', async () => {
    const cell = await recorded.submit();
    await recorded.takeIn(cell);
    await recorded.grant(cell);
    const again = recorded.event(cell, 'STARTED', 'GRANTED', 'RUNNING');
    await recorded.commit([again]);
    await recorded.end(cell);
    expect(await wrongs()).toContain(
      `${last2(cell)} the token of attempt 1 started twice, by event ${again.seq + 1}`,
    );
  });
});

describe('a submission that is missing', () => {
  test('has events, and no row', async () => {
    const [cell] = await two();
    await trouble.lose(database.admin, 'history', cell.facts.id);
    expect(await wrongs()).toEqual([`${last2(cell)} the journal tells of it, and it is nowhere`]);
  });

  test('has a row, and no events', async () => {
    const [cell] = await two();
    await trouble.damage(database.admin, 1, 1, encodeSegment([]));
    const id = last2(cell);
    expect(await wrongs()).toEqual([
      '- the segment at 1 has 0 events of 1',
      `${id} its submission is not in the journal, and what came after is`,
      `${id} its submission was acknowledged, and the journal has no event of it`,
    ]);
  });

  test('waits in no inbox', async () => {
    const cell = await recorded.submit();
    expect(await wrongs()).toEqual([]);
    await trouble.lose(database.admin, 'inbox', cell.facts.id);
    expect(await wrongs()).toEqual([
      `${last2(cell)} its submission was acknowledged, and it waits in no inbox`,
    ]);
  });

  test('was acknowledged under a key, and is nowhere', async () => {
    const cell = await recorded.submit('a key');
    await trouble.lose(database.admin, 'inbox', cell.facts.id);
    await trouble.lose(database.admin, 'live', cell.facts.id);
    expect(await wrongs()).toEqual([
      `${last2(cell)} submitRun was acknowledged under the key a key, and is nowhere`,
    ]);
  });
});

describe('a journal that is not whole', () => {
  test('lacks a segment', async () => {
    await two();
    await trouble.damage(database.admin, 1, 2);
    expect((await wrongs()).slice(0, 1)).toEqual(['- event 3 stands where 2 belongs']);
  });

  test('ends before its head', async () => {
    await two();
    await trouble.damage(database.admin, 1, 7);
    expect(await wrongs()).toContain('- the journal ends at 6, and its head is 8');
  });

  test('says another end than the row', async () => {
    const [cell] = await two();
    await trouble.falsify(database.admin, cell.facts.id, 10);
    expect(await wrongs()).toEqual([`${last2(cell)} its row says DEAD, and the journal SUCCEEDED`]);
  });
});

test('of very many violations the first are told, and all are counted', async () => {
  for (let i = 0; i < 4; i++) {
    const { facts } = await recorded.submit();
    await trouble.lose(database.admin, 'inbox', facts.id);
  }
  const { figures, violations } = await audit({ told: 3 });
  expect([figures.violations, violations.length]).toEqual([4, 3]);
});
