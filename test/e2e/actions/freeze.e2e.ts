import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery } from '../support/orrery.js';
import { eventually, submit, succeeded } from '../support/runs.js';

const WITHIN_MS = 20_000;
const MAIN = path.resolve(import.meta.dirname, '../../../dist/apps/cli/src/main.js');
const orrery = new Orrery();
const directory = mkdtempSync(path.join(tmpdir(), 'orrery-freeze-'));
const at = (name: string): string => path.join(directory, name);
let client: Client;

beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
}, 90_000);
afterAll(async () => {
  writeFileSync(at('end'), '');
  await client?.close();
  await orrery.remove();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

/** As a person types it. */
async function cli(...words: readonly string[]): Promise<Record<string, unknown>> {
  const env = { PATH: process.env['PATH'] ?? '', ORRERY_HOME: orrery.home };
  const args = [MAIN, 'runs', ...words, '--output', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Leaves a mark every 20 ms until it is told to end. */
async function marking(name: string): Promise<string> {
  const mark = `fs.appendFileSync("${at(name)}", "x")`;
  const end = `if (fs.existsSync("${at('end')}")) process.exit(0)`;
  const script = `const fs = require("fs"); setInterval(() => { ${mark}; ${end}; }, 20);`;
  const command = `echo $$ > ${at(`${name}.pid`)}; exec '${process.execPath}' -e '${script}'`;
  const id = await submit(client, { spec: { kind: 'shell', command } });
  await more(name, 3);
  return id;
}
const marks = (name: string): number => statSync(at(name), { throwIfNoEntry: false })?.size ?? 0;
async function more(name: string, count: number): Promise<void> {
  const enough = marks(name) + count;
  const look = (): Promise<number> => Promise.resolve(marks(name));
  await eventually(look, (seen) => seen >= enough, WITHIN_MS);
}
function processState(name: string): string {
  const pid = readFileSync(at(`${name}.pid`), 'utf8').trim();
  return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
}

test('a run that is frozen stands still where it is, and goes on when it is resumed', async () => {
  const id = await marking('frozen');
  await marking('other');
  const paused = await cli('pause', id, '--freeze', '--reason', 'the disk is full');
  expect(paused).toMatchObject({ state: 'RUNNING' });
  const look = (): Promise<string> => Promise.resolve(processState('frozen'));
  await eventually(look, (state) => state === 'T', WITHIN_MS);
  const before = marks('frozen');
  expect(await cli('explain', id)).toMatchObject({
    state: 'RUNNING',
    reason: 'the disk is full',
    waitingFor: [{ kind: 'PAUSED' }],
  });
  await more('other', 25);
  expect(marks('frozen')).toBe(before);
  await cli('resume', id);
  await more('frozen', 3);
  expect(await cli('explain', id)).toMatchObject({ reason: null, waitingFor: [] });
  writeFileSync(at('end'), '');
  await succeeded(client, id, WITHIN_MS);
}, 60_000);
