import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const SIM = 'dist/libs/sim/src/main.js';
const BENCH = 'dist/bench/main.js';
const CHAOS = 'tools/chaos.mjs';
/** Who takes longer has begun what it should have refused. */
const SAID_MS = 20_000;

/** What it says, and with what it ends: it had no time to do anything. */
async function say(program: string, words: readonly string[]) {
  const child = spawn(process.execPath, [path.join(ROOT, program), ...words], {
    cwd: os.tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SAID_MS,
    killSignal: 'SIGKILL',
  });
  const told = { out: '', err: '' };
  child.stdout.on('data', (bytes: Buffer) => (told.out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (told.err += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...told };
}

const cores = os.availableParallelism();
/** A file that is no plan, whose path may hold a space: HERE among the words. */
const here = import.meta.filename;
const wordsOf = (text: string): string[] =>
  text.split(' ').map((word) => (word === 'HERE' ? here : word));

test.each<readonly [string, string, string]>([
  [SIM, '--seconds x', "--seconds is a whole number from 1 to 86400, not 'x'."],
  [SIM, '--seconds 0', "--seconds is a whole number from 1 to 86400, not '0'."],
  [SIM, '--seed abc', "--seed is a whole number from 0 to 999999999, not 'abc'."],
  [SIM, '--from=-1', "--from is a whole number from 0 to 999999999, not '-1'."],
  [SIM, '--cores 9999', `--cores is a whole number from 1 to ${cores}, not '9999'.`],
  [SIM, '--shrink', '--shrink is of one scenario: name it by --seed or --plan.'],
  [SIM, '--seed 1 --seconds 9', '--seconds is of many seeds, and --seed or --plan names one.'],
  [SIM, '--seed 1 --plan x', 'Give --seed or --plan, not both.'],
  [SIM, '--plan /nope', 'The plan /nope cannot be read: there is no such file.'],
  [SIM, '--plan HERE', `The file ${here} is no plan: there are some in test/seeds.`],
  [SIM, '--bogus', "Unknown option '--bogus'."],
  [BENCH, 'failover --bogus', "Unknown option '--bogus'."],
  [BENCH, 'failover --how nope', "--how is kill or stop, not 'nope'."],
  [BENCH, 'failover --live=-1', "--live is a whole number from 0 to 100000000, not '-1'."],
  [BENCH, 'commit --runs 0', "--runs is a whole number from 1 to 100000000, not '0'."],
  [BENCH, 'failover --live -1', "Option '--live' argument is ambiguous."],
  [BENCH, 'bulk extra', "Unexpected argument 'extra'."],
  [BENCH, 'nope', "There is no scenario 'nope': see npm run bench -- --help."],
  [CHAOS, '--minutes x', "--minutes is a number above 0 and at most 1440, not 'x'."],
  [CHAOS, '--rate 0', "--rate is a whole number from 1 to 100000, not '0'."],
  [CHAOS, '--seed 1.5', "--seed is a whole number from 0 to 999999999, not '1.5'."],
  [CHAOS, '--bogus 1', "Unknown option '--bogus'."],
  [CHAOS, 'bogus', "Unexpected argument 'bogus'."],
  [CHAOS, '--seed', '--seed takes a value.'],
  [CHAOS, '--plan /nope', 'The plan /nope cannot be read: there is no such file.'],
  [CHAOS, '--plan HERE', `The file ${here} is no plan: .cache/chaos has some.`],
])('%s %s: one sentence, exit code 2', async (program, words, sentence) => {
  expect(await say(program, wordsOf(words))).toEqual({ code: 2, out: '', err: `${sentence}\n` });
});

test.each([
  [SIM, '--help'],
  [SIM, '-h'],
  [BENCH, '--help'],
  [BENCH, '-h'],
  [BENCH, 'help'],
  [BENCH, 'failover --help'],
  [BENCH, 'system -h'],
  [CHAOS, '--help'],
  [CHAOS, '-h'],
])('%s %s tells what there is, and ends with 0', async (program, words) => {
  const { code, out, err } = await say(program, wordsOf(words));
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('npm run');
  expect(fs.existsSync(path.join(os.tmpdir(), '.orrery'))).toBe(false);
});
