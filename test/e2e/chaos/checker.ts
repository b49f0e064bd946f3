import { Evidence, type RunEvidence, type Span } from './evidence.js';
import { FINAL, type Histories } from './histories.js';

export interface Violation {
  readonly rule: string;
  /** The run it is about; undefined when it is about the storm as a whole. */
  readonly run: string | undefined;
  readonly text: string;
  readonly timeline: readonly string[];
}

/** What must at least have happened for a storm to say anything. */
export interface Least {
  readonly acknowledged: number;
  readonly started: number;
  readonly kills: number;
  /** Runs that were on their way while somebody was killed. */
  readonly inFlight: number;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly figures: Least & { readonly lost: number; readonly retried: number };
}

/** A thread's clock is behind by as long as the database's newest answer took to come. */
const CLOCK_LAG_MS = 10_000;

/** Ranks are whole milliseconds. */
const EARLY_MS = 2;

type Say = (rule: string, text: string) => void;
type Rule = (run: RunEvidence, say: Say, evidence: Evidence) => void;

/** Compares the three histories; trusts none of them. */
export function check(histories: Histories, least: Least): Verdict {
  const evidence = new Evidence(histories);
  const violations: Violation[] = [];
  const sayOf =
    (id: string): Say =>
    (rule, text) =>
      violations.push({ rule, run: id, text, timeline: evidence.timelineOf(id) });
  for (const run of evidence.runs.values()) {
    for (const rule of RULES) rule(run, sayOf(run.id), evidence);
  }
  checkKeys(evidence, sayOf);
  checkSingles(evidence, sayOf);
  const figures = figuresOf(evidence);
  for (const [name, wanted] of Object.entries(least)) {
    const had = figures[name as keyof Least];
    const text = `the storm was vacuous: ${name} is ${had}, at least ${wanted} were wanted`;
    if (had < wanted) violations.push({ rule: 'vacuous', run: undefined, text, timeline: [] });
  }
  return { violations, figures };
}

/** As a person reads them: each with all that is known of its run. */
export function tell(violations: readonly Violation[], most = 10): string {
  const shown = violations.slice(0, most).map(({ rule, run, text, timeline }) => {
    const head = `${rule}: ${text}${run === undefined ? '' : ` (run ${run})`}`;
    return [head, ...timeline.map((line) => `    ${line}`)].join('\n');
  });
  const rest = violations.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n\n');
}

const isWell = (run: RunEvidence, attempt: number): boolean => run.endOf(attempt)?.ok === true;

/** A token names (run, attempt) and who has it; a grant that came back never started. */
const startsOnce: Rule = (run, say) => {
  const counts = new Map<number, number>();
  for (const { attempt } of run.starts) counts.set(attempt, (counts.get(attempt) ?? 0) + 1);
  for (const [attempt, count] of counts) {
    if (count > 1) say('ran twice', `attempt ${attempt} started ${count} times`);
  }
};

const isThereAndEnds: Rule = ({ account, acknowledged, starts }, say) => {
  if (account === undefined) {
    if (acknowledged.length > 0) say('lost', 'it was acknowledged, and the API has no such run');
    if (starts.length > 0) say('from nowhere', 'it started, and the API has no such run');
  } else if (!FINAL.has(account.state)) {
    say('no end', `after the calm it is ${account.state}`);
  }
};

/** Its attempts are counted from 1 and bounded, and no other one ever started. */
const attemptsAreListed: Rule = ({ account, asked, starts }, say) => {
  if (account === undefined) return;
  const numbers = account.attempts.map(({ number }) => number);
  if (numbers.some((number, i) => number !== i + 1)) {
    say('attempts', `the API lists the attempts ${numbers.join()}`);
  }
  if (asked !== undefined && numbers.length > asked.maxAttempts) {
    say('attempts', `${numbers.length} attempts, at most ${asked.maxAttempts} were allowed`);
  }
  for (const { attempt } of starts.filter((each) => !numbers.includes(each.attempt))) {
    say('ran unsaid', `attempt ${attempt} started, and the API lists none of that number`);
  }
};

/**
 * But the attempt that was LOST, whose executor may not have heard of it (architecture §6). The
 * account's times are a lower bound; what somebody has read as final was so by then.
 */
const nothingStartsAfterTheEnd: Rule = (run, say) => {
  const { state, finishedAt = Number.POSITIVE_INFINITY } = run.account ?? {};
  const read = run.reads.filter((each) => FINAL.has(each.state)).map(({ at }) => at);
  const after = Math.min(finishedAt + CLOCK_LAG_MS, ...read);
  for (const { attempt, at } of run.starts) {
    if (at <= after || run.outcomeOf(attempt) === 'LOST') continue;
    say('ran after its end', `attempt ${attempt} started when it had been ${state}`);
  }
};

const overlaps = (a: Span, b: Span): boolean =>
  a.from < b.from ? (a.to ?? a.from) > b.from : (b.to ?? b.from) > a.from;

/** Beside another attempt runs only one that was given up as LOST. */
const attemptsFollowEachOther: Rule = (run, say, evidence) => {
  const spans = evidence.spansOf(run);
  if (run.asked?.once === true && spans.length > 1) {
    say('more than once', `it is AT_MOST_ONCE and started ${spans.length} times`);
  }
  spans.forEach((span, i) => {
    for (const other of spans.slice(i + 1)) {
      if (span.attempt === other.attempt || !overlaps(span, other)) continue;
      const first = Math.min(span.attempt, other.attempt);
      if (run.asked?.once !== true && run.outcomeOf(first) === 'LOST') continue;
      say('overlap', `attempts ${span.attempt} and ${other.attempt} ran at one time`);
    }
  });
};

/** In both directions: what is said of an attempt is what its job has put down. */
const outcomesAreTrue: Rule = (run, say) => {
  const { account } = run;
  if (account === undefined) return;
  for (const { number, outcome } of account.attempts) {
    const end = run.endOf(number);
    if (outcome === 'SUCCEEDED' && end === undefined) {
      say('never ran', `attempt ${number} is SUCCEEDED, and no job has ended it`);
    } else if (outcome === 'SUCCEEDED' && end?.ok !== true) {
      say('other outcome', `attempt ${number} is SUCCEEDED, and its job ended badly`);
    } else if (outcome === 'FAILED' && end?.ok !== false) {
      say('other outcome', `attempt ${number} is FAILED, and its job did not end badly`);
    }
  }
  const last = account.attempts.at(-1);
  if (account.state === 'SUCCEEDED') {
    const good = account.attempts.findLast(({ outcome }) => outcome === 'SUCCEEDED');
    if (good === undefined) say('never ran', 'it is SUCCEEDED without an attempt that is');
    else if (isWell(run, good.number) && run.endOf(good.number)?.nonce !== account.nonce) {
      say('other outcome', `its result is ${account.nonce}, its job gave something else`);
    }
  } else if (account.state === 'DEAD' && last !== undefined && last.outcome !== 'LOST') {
    if (isWell(run, last.number)) say('other outcome', 'it is DEAD, and its last job ended well');
  }
};

/** What ended before it started by the API's word did not start, but for what was LOST. */
const cancelledStaysSo: Rule = ({ account, starts }, say) => {
  if (account?.state !== 'CANCELLED') return;
  for (const { number, outcome, startedAt } of account.attempts) {
    if (startedAt !== undefined || outcome === 'LOST') continue;
    if (!starts.some(({ attempt }) => attempt === number)) continue;
    say('cancelled and ran', `attempt ${number} was cancelled before its start, and started`);
  }
  if (account.attempts.length === 0 && starts.length > 0) {
    say('cancelled and ran', 'it was cancelled before any attempt of it');
  }
};

const finalNeverChanges: Rule = ({ account, reads }, say) => {
  for (const { state } of reads) {
    if (FINAL.has(state) && account !== undefined && account.state !== state) {
      say('final changed', `it was read as ${state} and is ${account.state}`);
    }
  }
};

/** By the clock of the machine, whatever the clocks of schedulers say: it is the database's. */
const neverEarly: Rule = ({ asked, starts }, say) => {
  if (asked?.afterMs === undefined) return;
  const due = asked.at + asked.afterMs;
  for (const { attempt, at } of starts) {
    if (at >= due - EARLY_MS) continue;
    say('early', `attempt ${attempt} started ${due - at} ms before it was due`);
  }
};

const RULES: readonly Rule[] = [
  ...[startsOnce, isThereAndEnds, attemptsAreListed, nothingStartsAfterTheEnd],
  ...[attemptsFollowEachOther, outcomesAreTrue, cancelledStaysSo, finalNeverChanges],
  neverEarly,
];

/** One key, one run; what was refused or never asked for is none. */
function checkKeys({ idsOf, asked, refused }: Evidence, sayOf: (id: string) => Say): void {
  for (const [key, ids] of idsOf) {
    const [id = ''] = ids;
    const say = sayOf(id);
    if (ids.size > 1) say('one key, two runs', `key ${key} names ${[...ids].join(' and ')}`);
    if (!asked.has(key)) say('from nowhere', `nobody has asked for key ${key}`);
    if (refused.has(key)) {
      say('refused and there', `key ${key} was refused with ${refused.get(key)?.code}`);
    }
  }
}

/** Of one name nothing runs beside another, whichever run it is of. */
function checkSingles(evidence: Evidence, sayOf: (id: string) => Say): void {
  const of = new Map<string, (Span & { readonly run: string })[]>();
  for (const run of evidence.runs.values()) {
    const single = run.asked?.single;
    if (single === undefined) continue;
    const spans = evidence.spansOf(run).map((span) => ({ ...span, run: run.id }));
    of.set(single, [...(of.get(single) ?? []), ...spans]);
  }
  for (const [single, spans] of of) {
    let latest: (typeof spans)[number] | undefined;
    for (const span of spans.toSorted((a, b) => a.from - b.from)) {
      if (latest !== undefined && latest.run !== span.run && overlaps(latest, span)) {
        sayOf(span.run)('overlap', `${single} is single, and ${latest.run} ran at that time`);
      }
      if (latest === undefined || (span.to ?? span.from) > (latest.to ?? latest.from)) {
        latest = span;
      }
    }
  }
}

function figuresOf({ runs, histories }: Evidence): Verdict['figures'] {
  const kills = histories.faults.filter(({ pids }) => pids !== undefined);
  const all = [...runs.values()];
  const inFlight = all.filter(({ account, acknowledged }) => {
    const from = Math.min(...acknowledged.map(({ at }) => at));
    const to = account?.finishedAt ?? Number.POSITIVE_INFINITY;
    return kills.some(({ at }) => at > from && at < to);
  });
  const outcomes = all.flatMap(({ account }) => account?.attempts.map((a) => a.outcome) ?? []);
  return {
    acknowledged: all.filter(({ acknowledged }) => acknowledged.length > 0).length,
    started: all.reduce((sum, { starts }) => sum + starts.length, 0),
    kills: kills.length,
    inFlight: inFlight.length,
    lost: outcomes.filter((outcome) => outcome === 'LOST').length,
    retried: all.filter(({ account }) => (account?.attempts.length ?? 0) > 1).length,
  };
}
