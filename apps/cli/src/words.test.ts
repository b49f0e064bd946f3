import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { isTest, parse, readSources } from '../../../test/tidy/source.js';
import { described } from './commands/all.js';
import { COMMANDS, coerced, inWords, placeIn } from './words.js';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Fields of a specification and of what this command line never sends. */
const KEPT = new Set([
  ...['expectStatus', 'expectBody', 'jsonEquals', 'uniqueItems', 'maxDelay', 'startDeadline'],
  ...['maxAttempts', 'operationName', 'endCursor', 'runEvents', 'when', 'then', 'cursor'],
  ...['lostAfter', 'stopAfter'],
]);

/** What is no sentence to a caller: the schema's own words, the log, defects. */
function isOther(node: ts.Node): boolean {
  if (ts.isDecorator(node) || ts.isImportDeclaration(node)) return true;
  if (ts.isPropertyAssignment(node)) return node.name.getText() === 'description';
  if (ts.isCallExpression(node)) return /\blog(ger)?\.\w+$/.test(node.expression.getText());
  return ts.isNewExpression(node) && /^\w*Error$/.test(node.expression.getText());
}

function sentencesIn(node: ts.Node): string[] {
  if (isOther(node)) return [];
  const found: string[] = [];
  if (ts.isStringLiteralLike(node)) found.push(node.text);
  if (ts.isTemplateExpression(node)) {
    const parts = [node.head, ...node.templateSpans.map(({ literal }) => literal)];
    found.push(parts.map(({ text }) => text).join('…'));
  }
  ts.forEachChild(node, (child) => void found.push(...sentencesIn(child)));
  return found;
}

const sentences = readSources(['apps/gateway/src', 'libs/client/src'], /\.ts$/)
  .filter(({ path: file }) => !isTest(file) && !/testkit|page\.ts$/.test(file))
  .flatMap((source) => sentencesIn(parse(source)))
  .filter((text) => /^[^\n]* [^\n]*$/.test(text));

const schema = fs.readFileSync(path.join(ROOT, 'schema.graphql'), 'utf8');
const fieldsOf = (type: string): string[] => {
  const [, body = ''] = new RegExp(`^type ${type} \\{\n([\\s\\S]*?)^\\}`, 'm').exec(schema) ?? [];
  return [...body.matchAll(/^ {2}(\w+)[(:]/gm)].map(([, name = '']) => name);
};

describe('what the server says', () => {
  test('has no word of the API left in it, whatever the gateway says', () => {
    const deeds = [...fieldsOf('Mutation'), ...fieldsOf('Subscription')];
    expect(deeds).toContain('retryRun');
    expect(
      sentences.filter((text) => deeds.some((deed) => text.includes(deed))).length,
    ).toBeGreaterThan(8);
    const left = sentences
      .map((text) => [text, inWords(text)] as const)
      .filter(([, said]) => {
        const names = said.match(/\b[a-z]+[A-Z]\w*\b|(?<=`)\w+/g) ?? [];
        return names.some((name) => !KEPT.has(name));
      });
    expect(left).toEqual([]);
  });

  test('names commands and options that there are', () => {
    const said = [...sentences.map((text) => inWords(text)), ...Object.values(COMMANDS)];
    const commands = said.flatMap((text) => text.match(/orrery [a-z]+( [a-z]+)?/g) ?? []);
    expect(commands.length).toBeGreaterThan(20);
    const names = described.map(({ name }) => `orrery ${name}`);
    const isKnown = (text: string): boolean =>
      names.includes(text) || names.includes(text.split(' ').slice(0, 2).join(' '));
    expect(commands.filter((text) => !isKnown(text))).toEqual([]);
    const options = new Set(described.flatMap((each) => Object.keys(each.options)));
    const flags = said.flatMap((text) => text.match(/(?<=--)[a-z-]+/g) ?? []);
    expect(flags.filter((flag) => !options.has(flag))).toEqual([]);
  });

  test.each([
    ['To run it again: retryRun or cloneRun.', 'orrery runs retry r1 or orrery runs clone r1.'],
    ['Use resumeJob.', 'Use orrery jobs resume nightly.'],
    ['held: `how: HOLD`.', 'held: orrery runs pause r1.'],
    ['place: `how: FREEZE`.', 'place: orrery runs pause r1 --freeze.'],
    ['or `after: "0s"` starts it', 'or --after 0s starts it'],
    ['with a lower `priority` moves', 'with a lower --priority moves'],
    ['retryRun, or `retried: true` in the filter.', 'orrery runs retry r1, or --retried.'],
    ['at a time after this job', 'at a time after this job'],
  ])('%j is said as %j', (text, said) => {
    expect(inWords(text, { id: 'r1', job: 'nightly' })).toContain(said);
  });

  test.each([
    [
      'Variable "$filter" got invalid value "DEADD" at "filter.states[0]"; Value "DEADD" does ' +
        'not exist in "RunState" enum. Did you mean the enum value "DEAD"?',
      '--state "DEADD" is no such value. Did you mean DEAD?',
    ],
    [
      'Variable "$input" got invalid value "soon" at "input.at"; Expected type "DateTime". ' +
        'A DateTime is written 2026-07-01T12:00:00.000Z, with its zone.',
      '--at "soon" is refused: A DateTime is written 2026-07-01T12:00:00.000Z, with its zone.',
    ],
    ['The database is away.', 'The database is away.'],
  ])('%j is said as a sentence', (text, said) => {
    expect(coerced(text)).toBe(said);
  });

  test.each([
    [['id'], ''],
    [['input', 'params', 'city'], '--params city'],
    [['filter', 'ids', '3'], '--id'],
    [['dedupKey'], '--dedup-key'],
    [['filter', 'submittedBefore'], '--before'],
    [['spec', 'retry', 'delay'], 'retry.delay'],
    [['constructor'], 'constructor'],
    [[], ''],
  ])('of the place %j as %j', (at, said) => {
    expect(placeIn(at)).toBe(said);
  });
});
