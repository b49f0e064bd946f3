import { describe, expect, test } from 'vitest';
import { STATES } from './values.js';
import type { Values } from './command.js';
import { helpOf } from './help.js';
import { commands } from './table.js';
import { play } from './testkit/play.js';

const DONE = {
  bulkRuns: { id: null, matched: 1, applied: 0, pending: false, unmatched: [], userErrors: [] },
};
const asked = async (name: string, values: Values, data: unknown, words: string[] = []) =>
  (await play(commands, name, values, data, { words })).variables;
const listed = async (values: Values) => await asked('runs ls', values, { runs: { nodes: [] } });

describe('what was typed wrong', () => {
  test.each<readonly [string, Values, string, string[]]>([
    ['runs ls', { state: 'deadd' }, `--state is one of ${STATES.join(', ')}, not 'deadd'.`, []],
    ['runs ls', { state: 'DEAD,EXPIRD' }, "not 'EXPIRD'. Did you mean EXPIRED?", []],
    ['runs ls', { since: 'monday' }, '--since is a time like', []],
    ['runs ls', { since: '2030-13-45T99:00:00Z' }, '--since is a time like', []],
    ['runs ls', { before: '2030-01-31' }, 'or how long ago that is like 2h', []],
    ['runs ls', { labels: 'team' }, '--labels is like team=data, repeated', []],
    ['dead ls', { since: 'x' }, '--since is a time like', []],
    ['runs bulk', { state: 'x' }, '--state is one of ', ['cancel']],
    ['runs bulk', { job: 'a' }, 'ACTION is one of CANCEL, RETRY, DISCARD', ['kill']],
    ['runs update', { at: 'soon' }, '--at is a time with its zone like 20', ['r1']],
    ['runs update', { at: '2030-01-31T12:00:00' }, '--at is a time with its zone', ['r1']],
    ['runs update', { after: '5' }, '--after is a length of time like 90s', ['r1']],
    ['runs clone', { after: '5s', at: '2030-01-31T12:00:00Z' }, 'Give --at or --after', ['r1']],
    ['runs retry', { timeout: 'x' }, '--timeout is a length of time', ['r1']],
    ['runs cancel', { grace: 'x' }, '--grace is a length of time', ['r1']],
    ['submit', { job: 'a', 'start-deadline': 'x' }, '--start-deadline is a length of time', []],
    ['submit', { job: 'a', at: 'x' }, '--at is a time', []],
  ])('%s %j is refused before anything is asked', async (name, values, sentence, words) => {
    const message = expect.stringContaining(sentence) as string;
    const failed = asked(name, values, {}, words);
    await expect(failed).rejects.toMatchObject({ message, exitCode: 2 });
  });
});

describe('a filter', () => {
  test('takes states, labels and times as they are typed', async () => {
    const at = '2030-01-31T12:00:00Z';
    const values = { state: 'dead,expired', labels: ['a=b,c=d=e', 'f='], since: at, before: at };
    expect(await listed(values)).toMatchObject({
      filter: {
        states: ['DEAD', 'EXPIRED'],
        labels: { a: 'b', c: 'd=e', f: '' },
        submittedAfter: at,
        submittedBefore: at,
      },
    });
    expect(await listed({ labels: ['{"a":"x,y"}', 'b=c'] })).toMatchObject({
      filter: { labels: { a: 'x,y', b: 'c' } },
    });
    const bulk = await asked('dead retry', { labels: ['a=b'] }, DONE);
    expect(bulk).toMatchObject({ input: { filter: { states: ['DEAD'], labels: { a: 'b' } } } });
  });

  test('takes how long ago something was', async () => {
    const began = Date.now();
    const { filter } = (await listed({ since: '2h' })) as { filter: { submittedAfter: string } };
    const ago = began - Date.parse(filter.submittedAfter);
    expect(Math.abs(ago - 7_200_000)).toBeLessThan(60_000);
  });
});

test('the help lists every state, and says what is required', () => {
  const helps = Object.fromEntries(commands.map((each) => [each.name, helpOf(each)]));
  for (const state of STATES) expect(helps['runs ls']).toContain(state);
  expect(helps['runs mark']).toMatch(/--reason TEXT .*\(required\)/);
  expect(helps['runs pause']).not.toContain('(required)');
});
