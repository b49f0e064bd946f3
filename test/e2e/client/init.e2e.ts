import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { Orrery } from '../support/orrery.js';

const BOUND_MS = 30_000;
const MAIN = path.resolve(import.meta.dirname, '../../../dist/apps/cli/src/main.js');
const run = promisify(execFile);
const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery init '));
const folder = path.join(parent, 'My project');
let orrery: Orrery;
let executor: ChildProcess | undefined;
let next: readonly string[] = [];

beforeAll(() => fs.chmodSync(parent, 0o755));
afterAll(async () => {
  executor?.kill('SIGKILL');
  await orrery?.remove();
  fs.rmSync(parent, { recursive: true, force: true });
}, 30_000);

const { PATH } = process.env;
const init = (...words: readonly string[]) =>
  run(process.execPath, [MAIN, 'init', ...words], { cwd: parent, env: { PATH } });

test('init makes a project, names three commands, and overwrites nothing', async () => {
  const { stdout } = await init('My project', '--output', 'json');
  const told = JSON.parse(stdout) as { files: string[]; next: string[] };
  ({ next } = told);
  expect(next).toHaveLength(3);
  for (const file of told.files) expect(fs.existsSync(path.join(folder, file))).toBe(true);
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ name: 'my-project', private: true });
  expect(manifest).not.toHaveProperty('scripts');
  fs.writeFileSync(path.join(folder, 'executor.mjs'), 'mine');
  const again = await init('My project').catch((error: { code: number; stderr: string }) => error);
  expect(again).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('executor.mjs') as string,
  });
  expect(fs.readFileSync(path.join(folder, 'executor.mjs'), 'utf8')).toBe('mine');
  fs.rmSync(folder, { recursive: true });
  const text = (await init('My project')).stdout;
  for (const command of next) expect(text).toContain(command);
});

test('what it made runs: the three commands, as they are printed', async () => {
  orrery = new Orrery(path.join(folder, '.orrery'));
  await orrery.start();
  const [, second = '', third = ''] = next;
  const where = { cwd: folder, env: { PATH, HOME: parent } };
  const [program = '', ...words] = second.split(' ');
  let said = '';
  executor = spawn(program, words, { ...where, stdio: ['ignore', 'pipe', 'inherit'] });
  executor.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await until(() => said.includes('greeter-1 is there'), BOUND_MS);
  const { stdout } = await run('sh', ['-c', third], where);
  const submitted = stdout.slice(stdout.lastIndexOf('\n{'));
  const ended = JSON.parse(submitted) as { id: string; finishedAt: string };
  expect(ended).toMatchObject({
    state: 'SUCCEEDED',
    result: 'hello Ada',
    log: 'greeting Ada\n',
  });
  // The time of the server, and not of who looks.
  const watched = await run(process.execPath, [MAIN, 'runs', 'watch', ended.id], where);
  expect(watched.stdout).toBe(`${ended.finishedAt} SUCCEEDED\n`);
  const doctor = await run(process.execPath, [MAIN, 'doctor', '--output', 'json'], where);
  const findings = JSON.parse(doctor.stdout) as { check: string; status: string }[];
  expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(findings).toHaveLength(10);
  executor.kill('SIGTERM');
  await until(() => executor?.exitCode !== null, BOUND_MS);
}, 120_000);
