import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { exercise } from './testkit/exercise.js';
import { Life, PARTITIONS, fill } from './testkit/life.js';
import { type Access, type PlanWatch, type RanPlan, watchPlans } from './testkit/plans.js';

/** Those that grow. Of the others nobody minds a scan. */
const LARGE = new Set([
  ...['live', 'open_attempt', 'history', 'inbox', 'journal', 'idempotency', 'intake'],
  ...['answer', 'executor', 'log_chunk', 'specification'],
]);
/** More than any window, batch or page here; far less than what there is. */
const ROWS_MAX = 1_000;
/** How the gateway's reads begin: planned at each call, by what is known of the tables then. */
const PAGE = 'with scope as materialized';

const STATES = ['empty', 'full', 'analyzed'] as const;
type State = (typeof STATES)[number];

let database: TestDatabase;
let watch: PlanWatch;
const seen = new Map<State, readonly RanPlan[]>();
let counts: Readonly<Record<string, number>>;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  const { admin, url } = database;
  // Nobody but this test says when a table is analyzed.
  await admin.query('alter system set autovacuum = off');
  await admin.query('select pg_reload_conf()');
  const { rows } = await admin.query(`insert into project (name) values ('project') returning id`);
  const life = new Life(url, String(rows[0]?.['id']));
  watch = await watchPlans(admin);
  await life.own();
  // On connections of its own: a plan that was kept from another state says nothing of this one.
  const look = async (state: State): Promise<void> => {
    await life.renew();
    watch.take();
    await exercise(life);
    seen.set(state, watch.take());
  };
  await look('empty');
  await fill(life, admin);
  const [full] = (
    await admin.query(
      `select ${['live', 'open_attempt', 'history', 'inbox', 'journal']
        .map((table) => `(select count(*)::int4 from ${table}) as ${table}`)
        .join()}`,
    )
  ).rows;
  counts = full as Record<string, number>;
  await look('full');
  await admin.query('analyze');
  await look('analyzed');
  await life.stop();
}, 180_000);
afterAll(async () => {
  watch.stop();
  await database.stop();
});

const named = ({ table, index }: Access): string =>
  index === undefined ? `${table} from end to end` : `${table} by ${index}`;
const large = ({ accesses }: RanPlan): readonly Access[] =>
  accesses.filter(({ table }) => LARGE.has(table));

/** What is read badly: each finding once a state and statement. */
function findings(): string[] {
  const found = new Set<string>();
  for (const [state, plans] of seen) {
    for (const plan of plans) {
      // The default partitions are empty: they have no index that upkeep could use.
      if (/_default\b/.test(plan.statement)) continue;
      for (const access of large(plan)) {
        for (const what of badIn(plan, access)) {
          found.add(`${state}: ${what} in ${plan.statement}`);
        }
      }
    }
  }
  return [...found];
}

function badIn({ statement }: RanPlan, access: Access): string[] {
  const bad: string[] = [];
  // The newest of all are read from an index's end: where that stops is the bound on rows.
  const isPage = /order by \S+ (asc |desc )?limit/.test(statement);
  // In it stand only those that a person has closed.
  const isSmall = access.index === 'executor_closed';
  if (access.index === undefined && !access.isBound) bad.push(named(access));
  else if (!access.isBound && !isPage && !isSmall) bad.push(`${named(access)} unbound`);
  if (access.rows > ROWS_MAX) bad.push(`${access.table} read many`);
  return bad;
}

describe('plans', () => {
  test('of tables as full as it was said, and of everything in each state', () => {
    expect(counts['live']).toBeGreaterThanOrEqual(50_000);
    expect(counts['open_attempt']).toBeGreaterThanOrEqual(1_000);
    expect(counts['history']).toBeGreaterThanOrEqual(50_000);
    expect(counts['inbox']).toBeGreaterThanOrEqual(20_000);
    expect(counts['journal']).toBeGreaterThanOrEqual(20_000);
    const statements = STATES.map((state) => {
      return new Set(seen.get(state)?.map(({ statement }) => statement));
    });
    expect(statements[1]).toEqual(statements[0]);
    expect(statements[2]).toEqual(statements[0]);
    const tables = new Set(
      seen
        .get('full')
        ?.flatMap(large)
        .map(({ table }) => table),
    );
    expect(tables).toEqual(LARGE);
  });

  test('begin where they need to, and read no more than they need', () => {
    expect(findings()).toEqual([]);
  });

  test('that are kept are of one kind, however full the tables were when they were made', () => {
    const kinds = new Map<string, Set<string>>();
    for (const plan of [...seen.values()].flat()) {
      if (plan.statement.startsWith(PAGE)) continue;
      const of = kinds.get(plan.statement) ?? new Set();
      kinds.set(plan.statement, of);
      of.add([...new Set(large(plan).map(named))].sort().join(', '));
    }
    const several = [...kinds].filter(([, of]) => of.size > 1);
    expect(several.map(([statement]) => statement)).toEqual([]);
  });
});
