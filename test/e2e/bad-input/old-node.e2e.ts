import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery old node '));
const stub = path.join(folder, 'stub.cjs');

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** What npm runs for `npm start`, by a Node that says of itself that it is another. */
function startWith(version: string): { status: number | null; out: string; err: string } {
  const versions = `{ ...process.versions, node: '${version}' }`;
  fs.writeFileSync(
    stub,
    `Object.defineProperty(process, 'versions', { value: ${versions} });
    Object.defineProperty(process, 'version', { value: 'v${version}' });`,
  );
  const file = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(file) as { readonly scripts: Record<string, string> };
  const words = (scripts['start'] ?? '').replace(/^exec /, '').split(' ');
  expect(words[0]).toBe('node');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--require', stub, ...words.slice(1)],
    // A home that cannot be: whoever gets past the check ends at once, and says something else.
    { cwd: ROOT, encoding: 'utf8', env: { PATH: process.env['PATH'], ORRERY_HOME: stub } },
  );
  return { status, out: stdout, err: stderr };
}

test.each(['14.21.3', '18.20.8', '20.18.3'])(
  'npm start with Node %s says what to install, and ends with 1',
  (version) => {
    const { status, out, err } = startWith(version);
    expect(err).toBe(
      `Orrery needs Node >= 20.19; this is ${version}. Install a newer Node from nodejs.org.\n`,
    );
    expect(out).toBe('');
    expect(status).toBe(1);
  },
  60_000,
);

test('npm start with the oldest Node that will do gets further', () => {
  const { status, err } = startWith('20.19.0');
  expect(err).not.toContain('needs Node');
  expect(err).toContain('cannot be written');
  expect(status).toBe(1);
}, 60_000);
