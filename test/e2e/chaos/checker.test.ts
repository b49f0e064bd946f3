import { expect, test } from 'vitest';
import { type Least, check, tell } from './checker.js';
import type {
  AccountedAttempt,
  AccountedRun,
  ClientLine,
  Histories,
  JobLine,
} from './histories.js';

/** A storm of which nothing is wrong: three runs, the second of which was LOST once. */
const clients: readonly ClientLine[] = [
  { what: 'asked', key: 'k1', maxAttempts: 3, at: 1_000 },
  { what: 'acknowledged', key: 'k1', id: 'r1', at: 1_010 },
  { what: 'asked', key: 'k2', maxAttempts: 3, at: 1_001 },
  { what: 'acknowledged', key: 'k2', id: 'r2', at: 1_011 },
  { what: 'asked', key: 'k3', maxAttempts: 3, at: 1_002 },
  { what: 'acknowledged', key: 'k3', id: 'r3', at: 1_012 },
  { what: 'cancel', id: 'r3', answer: 'ok', at: 1_020 },
  { what: 'read', id: 'r1', state: 'SUCCEEDED', at: 5_000 },
];
const start = (run: string, attempt: number, at: number, pid = 7): JobLine => {
  return { what: 'start', run, attempt, pid, at };
};
const end = (run: string, attempt: number, at: number, ok = true, pid = 7): JobLine => {
  return { what: 'end', run, attempt, pid, at, ok, nonce: `${run}.${attempt}` };
};
const jobs: readonly JobLine[] = [
  start('r1', 1, 1_100),
  end('r1', 1, 1_200),
  start('r2', 1, 1_100, 8),
  start('r2', 2, 3_100),
  end('r2', 2, 3_200),
];
const tried = (number: number, outcome: string | null, grantedAt: number): AccountedAttempt => {
  const [startedAt, finishedAt] = [grantedAt + 50, grantedAt + 250];
  return { number, outcome, executor: 'x', grantedAt, startedAt, finishedAt };
};
const account: readonly AccountedRun[] = [
  {
    ...{ id: 'r1', key: 'k1', state: 'SUCCEEDED', submittedAt: 1_005, finishedAt: 1_300 },
    ...{ nonce: 'r1.1', attempts: [tried(1, 'SUCCEEDED', 1_050)] },
  },
  {
    ...{ id: 'r2', key: 'k2', state: 'SUCCEEDED', submittedAt: 1_006, finishedAt: 3_300 },
    ...{ nonce: 'r2.2', attempts: [tried(1, 'LOST', 1_050), tried(2, 'SUCCEEDED', 3_050)] },
  },
  {
    ...{ id: 'r3', key: 'k3', state: 'CANCELLED', submittedAt: 1_007, finishedAt: 1_025 },
    ...{ nonce: undefined, attempts: [] },
  },
];
const well: Histories = {
  ...{ clients, jobs, account },
  faults: [{ what: 'kill', target: 'executor-2', at: 1_150, pids: [8] }],
};
const LEAST: Least = { acknowledged: 3, started: 3, kills: 1, inFlight: 2 };

const rulesOf = (histories: Partial<Histories>, least = LEAST): readonly string[] => {
  const { violations } = check({ ...well, ...histories }, least);
  return [...new Set(violations.map(({ rule }) => rule))];
};
/** The account with one run changed. */
const but = (id: string, change: Partial<AccountedRun>): Partial<Histories> => {
  return { account: account.map((run) => (run.id === id ? { ...run, ...change } : run)) };
};
const asked = (key: string, more: object): Partial<Histories> => {
  return {
    clients: clients.map((line) =>
      line.what === 'asked' && line.key === key ? { ...line, ...more } : line,
    ),
  };
};

test('a storm of which nothing is wrong, and what it came to', () => {
  expect(check(well, LEAST)).toEqual({
    violations: [],
    figures: { acknowledged: 3, started: 3, kills: 1, inFlight: 2, lost: 1, retried: 1 },
  });
});

test.each<readonly [string, Partial<Histories>]>([
  ['ran twice', { jobs: [...jobs, start('r1', 1, 1_110, 9)] }],
  ['lost', { account: account.filter(({ id }) => id !== 'r3') }],
  ['from nowhere', { jobs: [...jobs, start('r9', 1, 1_110)] }],
  ['from nowhere', { clients: clients.filter((line) => !('key' in line) || line.key !== 'k1') }],
  ['no end', but('r3', { state: 'READY', finishedAt: undefined })],
  ['one key, two runs', but('r3', { key: 'k1' })],
  [
    'refused and there',
    { clients: [...clients, { what: 'refused', key: 'k3', code: 'INVALID', at: 1_003 }] },
  ],
  ['more than once', asked('k2', { once: true })],
  ['ran unsaid', { jobs: [...jobs, start('r1', 2, 1_250), end('r1', 2, 1_260)] }],
  ['attempts', asked('k2', { maxAttempts: 1 })],
  ['attempts', but('r1', { attempts: [tried(2, 'SUCCEEDED', 1_050)] })],
  ['ran after its end', { jobs: jobs.map((line) => ({ ...line, at: line.at + 11_000 })) }],
  [
    'ran after its end',
    { clients: [...clients, { what: 'read', id: 'r1', state: 'SUCCEEDED', at: 1_090 }] },
  ],
  ['never ran', { jobs: jobs.filter(({ run }) => run !== 'r1') }],
  ['never ran', but('r1', { attempts: [] })],
  ['other outcome', { jobs: [...jobs.slice(0, 1), end('r1', 1, 1_200, false), ...jobs.slice(2)] }],
  ['other outcome', but('r1', { nonce: 'r1.2' })],
  ['other outcome', but('r1', { state: 'DEAD', attempts: [tried(1, 'FAILED', 1_050)] })],
  ['other outcome', but('r1', { state: 'DEAD', attempts: [tried(1, 'TIMED_OUT', 1_050)] })],
  ['cancelled and ran', { jobs: [...jobs, start('r3', 1, 1_024)] }],
  ['final changed', but('r1', { state: 'CANCELLED' })],
])('finds what is planted: %s', (rule, histories) => {
  expect(rulesOf(histories)).toContain(rule);
});

/** The second attempt of r2 begins before the process of the first one is killed. */
const beside = jobs.map((line) => (line.attempt === 2 ? { ...line, at: line.at - 1_980 } : line));

test('attempts beside each other: only after a loss, and never of a job that runs once', () => {
  expect(rulesOf({ jobs: beside })).toEqual([]);
  const failed = [tried(1, 'TIMED_OUT', 1_050), tried(2, 'SUCCEEDED', 3_050)];
  expect(rulesOf({ jobs: beside, ...but('r2', { attempts: failed }) })).toEqual(['overlap']);
  const once = asked('k2', { once: true });
  expect(rulesOf({ jobs: beside, ...once })).toEqual(['more than once', 'overlap']);
});

test('runs of one name beside each other, until the process of the first is killed', () => {
  const names = clients.map((line) =>
    line.what === 'asked' && line.key !== 'k3' ? { ...line, single: 'disk' } : line,
  );
  const later = jobs.map((line) => (line.run === 'r1' ? { ...line, at: line.at + 60 } : line));
  expect(rulesOf({ clients: names, jobs: later })).toEqual([]);
  expect(rulesOf({ clients: names })).toEqual(['overlap']);
});

test('the loss that a job may start after, and nothing else', () => {
  const late = { jobs: [...jobs, start('r2', 1, 14_000)].filter((line) => line.pid !== 8) };
  expect(rulesOf(late)).toEqual([]);
  const failed = [tried(1, 'TIMED_OUT', 1_050), tried(2, 'SUCCEEDED', 3_050)];
  expect(rulesOf({ ...late, ...but('r2', { attempts: failed }) })).toEqual(['ran after its end']);
});

test('what starts before it is due', () => {
  expect(rulesOf(asked('k1', { afterMs: 100 }))).toEqual([]);
  expect(rulesOf(asked('k1', { afterMs: 103 }))).toEqual(['early']);
});

test('a storm in which nothing happened says nothing', () => {
  const nothing = { clients: [], jobs: [], account: [], faults: [] };
  const { violations } = check(nothing, LEAST);
  expect(violations.map(({ rule }) => rule)).toEqual(Array.from({ length: 4 }, () => 'vacuous'));
  expect(rulesOf({ faults: [] })).toEqual(['vacuous']);
  // A kill before anything was on its way.
  const early = [{ what: 'kill', target: 'broker', at: 900, pids: [5] }];
  expect(rulesOf({ faults: early })).toEqual(['vacuous']);
});

test('a violation is told with all that is known of its run, in the order of time', () => {
  const twice = [...jobs, start('r2', 2, 3_090, 9)];
  const { violations } = check({ ...well, jobs: twice }, LEAST);
  expect(tell(violations.filter(({ rule }) => rule === 'ran twice'))).toBe(
    [
      'ran twice: attempt 2 started 2 times (run r2)',
      '    00:00:01.001 client: asks for it, {"key":"k2","maxAttempts":3}',
      '    00:00:01.006 account: submitted',
      '    00:00:01.011 client: acknowledged, key k2',
      '    00:00:01.050 account: attempt 1 granted to x',
      '    00:00:01.100 job: start of attempt 1 in process 8',
      '    00:00:01.100 account: attempt 1 started',
      '    00:00:01.150 fault: kill executor-2 (process 8)',
      '    00:00:01.300 account: attempt 1 ended, LOST',
      '    00:00:03.050 account: attempt 2 granted to x',
      '    00:00:03.090 job: start of attempt 2 in process 9',
      '    00:00:03.100 job: start of attempt 2 in process 7',
      '    00:00:03.100 account: attempt 2 started',
      '    00:00:03.200 job: end of attempt 2 in process 7, well, r2.2',
      '    00:00:03.300 account: attempt 2 ended, SUCCEEDED',
      '    00:00:03.300 account: SUCCEEDED, r2.2',
    ].join('\n'),
  );
  expect(tell([...violations, ...violations], 1)).toContain(
    `and ${violations.length * 2 - 1} more`,
  );
});
