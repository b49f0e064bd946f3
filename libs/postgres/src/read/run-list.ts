import { JOB_KINDS, type JobKind, OUTCOMES, type Outcome, RUN_STATES, type RunState } from '#core';
import { type Reader, uuidArray } from './reader.js';
import { HISTORY_COLUMNS, LIVE_COLUMNS, type RawRun, type RunRow, toRun } from './runs.js';

/** Several values of a field mean any of them; several fields mean all of them. */
export interface RunListFilter {
  readonly ids?: readonly string[] | undefined;
  readonly jobs?: readonly string[] | undefined;
  readonly kinds?: readonly JobKind[] | undefined;
  readonly states?: readonly RunState[] | undefined;
  readonly outcomes?: readonly Outcome[] | undefined;
  readonly executors?: readonly string[] | undefined;
  /** All of these labels with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly submittedAfter?: number | undefined;
  readonly submittedBefore?: number | undefined;
  readonly finishedAfter?: number | undefined;
  readonly finishedBefore?: number | undefined;
  /** PAUSED, or RUNNING and stopped in place; or all but those. */
  readonly isPaused?: boolean | undefined;
  /** Dead letters that were discarded, or all but those. */
  readonly discarded?: boolean | undefined;
  /** Final runs that were retried, or all but those. */
  readonly retried?: boolean | undefined;
}
export interface RunPage {
  readonly project: string;
  readonly filter: RunListFilter;
  readonly order: 'NEWEST' | 'OLDEST';
  /** The id of the last run of the page before. */
  readonly after: string | null;
  /** No run beyond this id. */
  readonly upto?: string;
  readonly limit: number;
}

const OPEN: ReadonlySet<RunState> = new Set(['GRANTED', 'RUNNING', 'UNKNOWN', 'CANCELLING']);
/** Final states from here on. */
const DEAD = RUN_STATES.indexOf('DEAD');
const FIRST_FINAL = RUN_STATES.indexOf('SUCCEEDED');
const codes = <T>(names: readonly T[], chosen: readonly T[]): number[] =>
  chosen.map((name) => names.indexOf(name));
const numbers = (values: readonly number[]): string => `{${values.join(',')}}`;

/**
 * As `JSON.stringify` writes it. A record holds what programs said, so PostgreSQL must not
 * interpret it (architecture §3, Bodies); inside of a text these quotes would be escaped.
 */
const FROZEN = '"freeze":{"on":true';
/** Of one whose attempt is open its record tells whether it stands still. */
const IS_PAUSED = `case when r.state = ${RUN_STATES.indexOf('PAUSED')} then true
  when r.state in (${RUN_STATES.indexOf('RUNNING')}, ${RUN_STATES.indexOf('UNKNOWN')})
    then coalesce(position('${FROZEN}' in convert_from(r.record, 'UTF8')), 0) > 0
  else false end`;

class Conditions {
  readonly both: string[] = [];
  /** What only final runs can meet. */
  readonly history: string[] = [];
  /** What every live run meets. */
  readonly final: string[] = [];
  /** `$1` is the scope's. */
  readonly values: unknown[] = [];

  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length + 1}`;
  }
}

function conditionsOf(page: RunPage): Conditions {
  const { filter } = page;
  const all = new Conditions();
  const add = <T>(value: T | undefined | null, condition: (value: T) => string): void => {
    if (value !== undefined && value !== null) all.both.push(condition(value));
  };
  add(page.project, (id) => `r.project = ${all.bind(id)}::uuid`);
  add(page.after, (id) => `r.id ${page.order === 'NEWEST' ? '<' : '>'} ${all.bind(id)}::uuid`);
  add(page.upto, (id) => `r.id <= ${all.bind(id)}::uuid`);
  add(filter.ids, (ids) => `r.id = any (${all.bind(uuidArray(ids))}::uuid[])`);
  add(filter.jobs, (ids) => `r.job = any (${all.bind(uuidArray(ids))}::uuid[])`);
  add(
    filter.kinds,
    (kinds) => `r.kind = any (${all.bind(numbers(codes(JOB_KINDS, kinds)))}::int2[])`,
  );
  add(filter.states, (states) => {
    // Dead letters have an index of their own, which a bound list would not find.
    if (states.every((state) => state === 'DEAD') && states.length > 0) return `r.state = ${DEAD}`;
    return `r.state = any (${all.bind(numbers(codes(RUN_STATES, states)))}::int2[])`;
  });
  add(filter.executors, (ids) => `r.executor = any (${all.bind(ids)}::text[])`);
  // Labels are checked at the intake to be plain texts, so they are read as jsonb safely.
  add(
    filter.labels,
    (labels) =>
      `convert_from(r.labels, 'UTF8')::jsonb @> ${all.bind(JSON.stringify(labels))}::jsonb`,
  );
  const time = (value: number): string => `to_timestamp(${all.bind(value)}::float8 / 1000)`;
  add(filter.submittedAfter, (at) => `r.submitted_at > ${time(at)}`);
  add(filter.submittedBefore, (at) => `r.submitted_at < ${time(at)}`);
  if (filter.outcomes !== undefined) {
    const list = all.bind(numbers(codes(OUTCOMES, filter.outcomes)));
    all.history.push(`r.outcome = any (${list}::int2[])`);
  }
  if (filter.finishedAfter !== undefined) {
    all.history.push(`r.finished_at > ${time(filter.finishedAfter)}`);
  }
  if (filter.finishedBefore !== undefined) {
    all.history.push(`r.finished_at < ${time(filter.finishedBefore)}`);
  }
  add(filter.isPaused, (is) => `${is ? '' : 'not '}(${IS_PAUSED})`);
  seenTo(all, 'f.by is not null', filter.discarded);
  seenTo(all, `f.retries <> '{}'`, filter.retried);
  return all;
}

/** Only a final run can be; of a live one nothing of the kind needs to be looked for. */
function seenTo({ final, history }: Conditions, what: string, is: boolean | undefined): void {
  if (is === undefined) return;
  const found = `exists (select from follow_up f where f.run = r.id and ${what})`;
  if (is) history.push(found);
  else final.push(`not ${found}`);
}

/** Live and history in one snapshot, by id, which is the order of submission. */
export async function listRuns(reader: Reader, page: RunPage): Promise<RunRow[]> {
  const { text, values } = listing(page, LIVE_COLUMNS, HISTORY_COLUMNS);
  if (text === undefined) return [];
  return (await reader.scoped<RawRun>([page.project], text, values)).map(toRun);
}

/** Which runs a wide action meets, and what it needs of each. */
export interface RunTarget {
  readonly id: string;
  readonly partition: number;
  readonly state: RunState;
}

/** As `listRuns`, without what is wide. */
export async function listTargets(reader: Reader, page: RunPage): Promise<RunTarget[]> {
  const { text, values } = listing(page, TARGET, TARGET);
  if (text === undefined) return [];
  type Raw = Omit<RunTarget, 'state'> & { readonly state: number };
  const rows = await reader.scoped<Raw & Record<string, unknown>>([page.project], text, values);
  return rows.flatMap(({ id, partition, state: code }) => {
    const state = RUN_STATES[code];
    return state === undefined ? [] : [{ id, partition, state }];
  });
}

/** How many the page has, and the id of its last run; its order is OLDEST. */
export async function countTargets(
  reader: Reader,
  page: RunPage,
): Promise<{ readonly count: number; readonly last: string | null }> {
  const { text, values } = listing(page, 'r.id', 'r.id');
  if (text === undefined) return { count: 0, last: null };
  // There is no max() of ids; their texts are in the same order.
  const counted = `select count(*)::int4 as count, max(c.id::text) as last from (${text}) c`;
  const [row] = await reader.scoped<{ count: number; last: string | null }>(
    [page.project],
    counted,
    values,
  );
  return row ?? { count: 0, last: null };
}

const TARGET = 'r.id, r.partition, r.state';

/** `text` is undefined when nothing can match. */
function listing(
  page: RunPage,
  live: string,
  final: string,
): { readonly text: string | undefined; readonly values: unknown[] } {
  const { both, history, final: others, values, bind } = withBind(conditionsOf(page));
  const direction = page.order === 'NEWEST' ? 'desc' : 'asc';
  const limit = bind(page.limit);
  const arm = (columns: string, table: string, conditions: readonly string[]): string =>
    `(select ${columns} from ${table} r where ${conditions.join(' and ')}
      order by r.id ${direction} limit ${limit}::int4)`;
  const states = page.filter.states;
  const isFinal = (state: RunState): boolean => RUN_STATES.indexOf(state) >= FIRST_FINAL;
  const arms: string[] = [];
  // What only final runs have leaves no live one over.
  if (history.length === 0 && (states === undefined || !states.every(isFinal))) {
    arms.push(arm(live, 'run_now', [...both, ...openOnly(page)]));
  }
  // Nothing that is final is paused.
  if (page.filter.isPaused !== true && (states === undefined || states.some(isFinal))) {
    arms.push(arm(final, 'history', [...both, ...history, ...others]));
  }
  if (arms.length === 0) return { text: undefined, values };
  const all = arms.join(' union all ');
  return {
    text: `select * from (${all}) u order by id ${direction} limit ${limit}::int4`,
    values,
  };
}

/** What only runs with an open attempt have is looked for among those: they are few. */
function openOnly({ filter }: RunPage): string[] {
  const { states, executors } = filter;
  const live = states?.filter((state) => RUN_STATES.indexOf(state) < FIRST_FINAL);
  const isOpenOnly = executors !== undefined || live?.every((state) => OPEN.has(state)) === true;
  return isOpenOnly ? ['r.id in (select o.run from open_attempt o)'] : [];
}

function withBind(conditions: Conditions): {
  readonly both: readonly string[];
  readonly history: readonly string[];
  readonly final: readonly string[];
  readonly values: unknown[];
  readonly bind: (value: unknown) => string;
} {
  const { both, history, final, values } = conditions;
  return { both, history, final, values, bind: (value) => conditions.bind(value) };
}
