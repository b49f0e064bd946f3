import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { type ArrayCell, BinaryArray } from './binary-array.js';
import { classify } from './outcome.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase(1);
}, 60_000);
afterAll(async () => {
  await database.stop();
});

function arrayOf(type: string, cells: readonly ArrayCell[]): Buffer | null {
  const array = new BinaryArray(type);
  for (const cell of cells) array.push(cell);
  return array.value();
}

/** As PostgreSQL writes what it has read. */
async function readBack(type: string, cells: readonly ArrayCell[]): Promise<unknown> {
  const text = `select $1::${type}::text[] as read`;
  const { rows } = await database.admin.query(text, [arrayOf(type, cells)]);
  return (rows[0] as { read: unknown }).read;
}

const ID = '0191f0c2-7a51-7ccc-8abc-0123456789ab';
const CASES: readonly (readonly [string, readonly ArrayCell[], readonly (string | null)[]])[] = [
  ['int2[]', [0, -1, 32_767, null], ['0', '-1', '32767', null]],
  ['int4[]', [0, -1, 2_147_483_647, undefined], ['0', '-1', '2147483647', null]],
  ['int8[]', [0, -1, -(2 ** 40), 2 ** 53 - 1], ['0', '-1', '-1099511627776', '9007199254740991']],
  ['int8[]', ['6148914691236517205', null, 1], ['6148914691236517205', null, '1']],
  ['float8[]', [0.5, -1e300, 1_783_000_000_000, null], ['0.5', '-1e+300', '1783000000000', null]],
  ['uuid[]', [ID, null, ID.toUpperCase()], [ID, null, ID]],
  [
    'int4[]',
    Array.from({ length: 1_000 }, (_, i) => i),
    Array.from({ length: 1_000 }, (_, i) => `${i}`),
  ],
];

describe('what PostgreSQL reads of a binary array', () => {
  for (const [type, cells, read] of CASES) {
    test(`${type} of ${cells.slice(0, 5).join(' ')}`, async () => {
      expect(await readBack(type, cells)).toEqual(read);
    });
  }

  test('what its column cannot hold is refused here, for good', () => {
    const wrong = [
      ['int2[]', 40_000],
      ['int4[]', 2 ** 31],
      ['int8[]', 2 ** 53],
      ['uuid[]', 'not-an-id'],
    ] as const;
    for (const [type, cell] of wrong) {
      const send = (): unknown => arrayOf(type, [cell]);
      expect(send).toThrow(`${cell} does not go into ${type}`);
      expect(classify(errorOf(send)).kind).toBe('rejected-for-good');
    }
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
