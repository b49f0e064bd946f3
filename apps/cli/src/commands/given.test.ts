import { expect, test } from 'vitest';
import { described } from './all.js';
import { checkGiven } from './given.js';

const check = (name: string, values: Readonly<Record<string, string>>, words: string[]): void => {
  const found = described.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no command ${name}`);
  checkGiven(found, values, words);
};

test.each([
  [
    'runs mark',
    [],
    {},
    "'runs mark' takes ID, --as STATE and --reason TEXT, which are missing. For example: orrery",
  ],
  ['runs mark', ['r1'], { as: 'SKIPPED' }, "'runs mark' takes --reason TEXT, which is missing."],
  ['jobs diff', ['a'], {}, "'jobs diff' takes --from N and --to M, which are missing."],
  ['jobs rollback', [], {}, "'jobs rollback' takes NAME and --to N, which are missing."],
  ['runs get', [], {}, "'runs get' takes ID, which is missing. For example: orrery runs get"],
  ['runs ls', ['x'], {}, "'runs ls' takes no further words: orrery runs ls"],
  ['jobs apply', ['a', 'b', 'c'], {}, "'jobs apply' takes NAME: orrery jobs apply NAME (FILE |"],
])('%s %j %j names all that is missing at once', (name, words, values, sentence) => {
  const message = expect.stringContaining(sentence) as string;
  expect(() => check(name, values, words)).toThrow(
    expect.objectContaining({ message, exitCode: 2 }) as Error,
  );
});

test('says nothing when all is there', () => {
  check('runs mark', { as: 'SKIPPED', reason: 'x' }, ['r1']);
  check('jobs apply', {}, ['a', 'a.json']);
  check('runs ls', {}, []);
});
