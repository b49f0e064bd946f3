import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Values } from './command.js';
import { jobs } from './jobs.js';
import { play } from './testkit/play.js';

const SPEC = { kind: 'shell', command: 'make' };
const DONE = { applyJob: { changed: true, job: { name: 'a', version: 1 }, userErrors: [] } };
let folder: string;
let file: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
  file = path.join(folder, 'nightly.json');
  fs.writeFileSync(file, JSON.stringify(SPEC));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const apply = async (words: readonly string[], values: Values = {}) =>
  (await play(jobs, 'jobs apply', values, DONE, { words })).variables;

test('jobs apply takes the file behind the name as well as by --file', async () => {
  const expected = { input: { project: 'demo', name: 'a', spec: SPEC } };
  expect(await apply(['a', file])).toEqual(expected);
  expect(await apply(['a'], { file })).toEqual(expected);
});

test.each<readonly [string, () => readonly string[], Values, string]>([
  ['a file alone', () => [file], {}, 'Say the NAME of the job as well: orrery jobs apply nightly'],
  ['nothing', () => ['a'], {}, 'Give the specification by FILE or --spec. For example: orrery'],
  ['two', () => ['a', file], { spec: '{}' }, 'The specification is given twice'],
])('jobs apply with %s says what to give', async (_, words, values, sentence) => {
  const message = expect.stringContaining(sentence) as string;
  await expect(apply(words(), values)).rejects.toMatchObject({ message, exitCode: 2 });
});
