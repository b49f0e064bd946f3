import { DEFAULT_RETRY, OUTCOMES, type RetryClass, type RetryPolicy, type RetryRule } from '#core';
import { canonicalJson } from '#definitions';
import { Fields, isObject } from './fields.js';

const DAY_MS = 86_400_000;
const RETRY = ['maxAttempts', 'delay', 'backoff', 'factor', 'maxDelay', 'jitter'] as const;
const CLASSES: readonly RetryClass[] = ['user', 'platform', 'timeout'];
const WHEN = ['exitCodes', 'classes', 'statuses', 'outcomes'] as const;
const RULES_MAX = 50;
const VALUES_MAX = 100;

/** What of a specification says whether and when there is another attempt (semantics §5). */
export function readRetry(fields: Fields): RetryPolicy {
  const retry = fields.nested('retry');
  if (retry === undefined) return DEFAULT_RETRY;
  retry.only([...RETRY, 'rules', 'budgets']);
  const rules = readRules(retry);
  const budgets = readBudgets(retry);
  const maxDelayMs = retry.duration('maxDelay', 0, 30 * DAY_MS) ?? DEFAULT_RETRY.maxDelayMs;
  checkDelays(retry, rules ?? [], maxDelayMs);
  return {
    maxAttempts: retry.number('maxAttempts', 1, 1_000) ?? DEFAULT_RETRY.maxAttempts,
    delayMs: retry.duration('delay', 0, 30 * DAY_MS) ?? DEFAULT_RETRY.delayMs,
    backoff: retry.word('backoff', ['FIXED', 'LINEAR', 'EXPONENTIAL']) ?? DEFAULT_RETRY.backoff,
    factor: retry.number('factor', 1, 100, false) ?? DEFAULT_RETRY.factor,
    maxDelayMs,
    jitter: retry.word('jitter', ['FULL', 'EQUAL', 'NONE']) ?? DEFAULT_RETRY.jitter,
    ...(rules === undefined ? {} : { rules }),
    ...(budgets === undefined ? {} : { budgets }),
  };
}

/** The cap holds for every delay: one behind it would never be what it says. */
function checkDelays(retry: Fields, rules: readonly RetryRule[], maxDelayMs: number): void {
  const place = rules.findIndex(
    ({ then }) => typeof then === 'object' && then.delayMs > maxDelayMs,
  );
  if (place < 0) return;
  const message = `The delay of rule ${place + 1} is longer than maxDelay, which caps it.`;
  retry.refuse('maxDelay', 'CONTRADICTION', message, 'Give a longer maxDelay.');
}

function readBudgets(retry: Fields): RetryPolicy['budgets'] {
  const budgets = retry.nested('budgets');
  if (budgets === undefined) return undefined;
  budgets.only(CLASSES);
  const read: Partial<Record<RetryClass, number>> = {};
  for (const name of CLASSES) {
    const budget = budgets.number(name, 0, 1_000);
    if (budget !== undefined) read[name] = budget;
  }
  return read;
}

function readRules(retry: Fields): readonly RetryRule[] | undefined {
  if (!retry.has('rules')) return undefined;
  const value = retry.value('rules');
  if (!Array.isArray(value) || value.length > RULES_MAX) {
    retry.refuse('rules', 'INVALID_VALUE', `rules must be a list of at most ${RULES_MAX} rules.`);
    return undefined;
  }
  const list = retry.list('rules', value);
  const rules: RetryRule[] = [];
  const seen = new Map<string, number>();
  for (const [i, item] of value.entries()) {
    const place = String(i);
    if (!isObject(item)) {
      list.refuse(place, 'INVALID_VALUE', 'A rule is an object with `when` and `then`.');
      continue;
    }
    const rule = readRule(list.at(place, item));
    if (rule === undefined) continue;
    rules.push(rule);
    checkReachable(list, place, canonicalJson(rule.when), seen);
  }
  return rules;
}

/** The first rule wins: one behind an equal one, or behind one for everything, says nothing. */
function checkReachable(
  list: Fields,
  place: string,
  when: string,
  seen: Map<string, number>,
): void {
  const before = seen.get(when) ?? seen.get('{}');
  if (before === undefined) {
    seen.set(when, Number(place));
    return;
  }
  const message = `Rule ${Number(place) + 1} is never reached: rule ${before + 1} matches first.`;
  list.refuse(place, 'CONTRADICTION', message, 'Put the special one before the general one.');
}

function readRule(fields: Fields): RetryRule | undefined {
  fields.only(['when', 'then']);
  const then = readThen(fields);
  if (!fields.has('when')) fields.refuse('when', 'REQUIRED', 'A rule says when it holds.');
  const when = fields.nested('when');
  if (when === undefined || then === undefined) return undefined;
  when.only(WHEN);
  const exitCodes = numbers(when, 'exitCodes', 0, 255);
  const statuses = numbers(when, 'statuses', 100, 599);
  const classes = texts(when, 'classes');
  const outcomes = texts(when, 'outcomes')?.map((name) => OUTCOMES.find((each) => each === name));
  if (outcomes?.includes(undefined) === true) {
    when.refuse('outcomes', 'INVALID_VALUE', `outcomes are of ${OUTCOMES.join(', ')}.`);
  }
  return {
    when: {
      ...(exitCodes === undefined ? {} : { exitCodes }),
      ...(classes === undefined ? {} : { classes }),
      ...(statuses === undefined ? {} : { statuses }),
      ...(outcomes === undefined ? {} : { outcomes: outcomes.filter((each) => !!each) }),
    },
    then,
  };
}

function readThen(fields: Fields): RetryRule['then'] | undefined {
  const then = fields.value('then');
  if (then === 'RETRY' || then === 'NEVER') return then;
  if (isObject(then)) {
    const own = fields.nested('then');
    own?.only(['delay']);
    const delayMs = own?.duration('delay', 0, 30 * DAY_MS);
    if (delayMs !== undefined) return { delayMs };
    if (own?.has('delay') === true) return undefined;
  }
  const message = 'then is RETRY, NEVER or {"delay": "30s"}.';
  fields.refuse('then', 'INVALID_VALUE', message);
  return undefined;
}

function numbers(
  fields: Fields,
  name: string,
  min: number,
  max: number,
): readonly number[] | undefined {
  if (!fields.has(name)) return undefined;
  const value = fields.value(name);
  const isGood =
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= VALUES_MAX &&
    value.every((each) => Number.isInteger(each) && Number(each) >= min && Number(each) <= max);
  if (isGood) return value as number[];
  fields.refuse(name, 'INVALID_VALUE', `${name} must be a list of numbers from ${min} to ${max}.`);
  return undefined;
}

function texts(fields: Fields, name: string): readonly string[] | undefined {
  if (!fields.has(name)) return undefined;
  const value = fields.value(name);
  const isGood =
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= VALUES_MAX &&
    value.every((each) => typeof each === 'string' && each !== '' && each.length <= 200);
  if (isGood) return value as string[];
  fields.refuse(name, 'INVALID_VALUE', `${name} must be a list of texts.`);
  return undefined;
}
