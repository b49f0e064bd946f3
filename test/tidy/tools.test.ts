import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from './source.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery tools '));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a few lines of a tool in a process of its own, as `npm start` would. */
function run(lines: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', lines], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function tool(name: string): string {
  return JSON.stringify(pathToFileURL(join(root, 'tools', 'lib', name)).href);
}

it.each([
  ['14.8.0', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.1.0', true],
  ['100.0.0', true],
])('Node %s is new enough: %s', (version, expected) => {
  const said = run(`
    import { nodeIsNewEnough } from ${tool('node-version.mjs')};
    console.log(nodeIsNewEnough('${version}', console.log));
  `);
  const sentence =
    `Orrery needs Node >= 20.19; this is ${version}. ` + 'Install a newer Node from nodejs.org.\n';
  expect(said).toBe(expected ? 'true\n' : `${sentence}false\n`);
});

it.each(['start', 'sim', 'bench', 'chaos'])('npm run %s takes its child with it', (name) => {
  const text = readFileSync(join(root, 'tools', `${name}.mjs`), 'utf8');
  expect(text).toMatch(/= spawn\(/);
  expect(text).toContain('forwardSignals(child)');
});

it('off a terminal a second signal reaches the child as well', async () => {
  // It ends with its input, whatever becomes of who has started it.
  const heard = `let n = 0; process.stdin.on('end', () => process.exit(1)).resume();
    process.on('SIGINT', () => { n += 1; console.log(n); if (n === 2) process.exit(42); });
    console.log('ready');`;
  const lines = `
    import { spawn } from 'node:child_process';
    import { forwardSignals } from ${tool('signals.mjs')};
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(heard)}], { stdio: 'inherit' });
    forwardSignals(child);
    child.once('exit', (code) => process.exit(code ?? 1));
  `;
  const args = ['--input-type=module', '-e', lines];
  const started = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(started, 'exit');
  const said = (): Promise<unknown> => once(started.stdout, 'data');
  try {
    await said();
    started.kill('SIGINT');
    await said();
    started.kill('SIGINT');
    expect(await exit).toEqual([42, null]);
  } finally {
    started.stdin.end();
  }
});

describe('the lock', () => {
  function lockWith(owner: string): string {
    const lock = join(folder, 'a.lock');
    mkdirSync(lock);
    writeFileSync(join(lock, 'owner'), owner);
    return lock;
  }

  function workUnder(lock: string): string {
    return run(`
      import { withLock } from ${tool('lock.mjs')};
      withLock(${JSON.stringify(lock)}, console.log, () => console.log('worked'));
    `);
  }

  it('is gone after the work, also when the work ends the process', () => {
    const lock = join(folder, 'a.lock');
    expect(workUnder(lock)).toBe('worked\n');
    run(`
      import { withLock } from ${tool('lock.mjs')};
      withLock(${JSON.stringify(lock)}, console.log, () => process.exit(0));
    `);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a dead process is taken over', () => {
    const pid = Number(run('console.log(process.pid)'));
    const owner = { pid, host: hostname(), started: '' };
    expect(workUnder(lockWith(JSON.stringify(owner)))).toBe('worked\n');
  });

  it('of an earlier process with the same pid is taken over', () => {
    const owner = { pid: process.pid, host: hostname(), started: 'never' };
    expect(workUnder(lockWith(JSON.stringify(owner)))).toBe('worked\n');
  });
});

describe('the build', () => {
  function put(path: string, text: string): void {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }

  /** What the next build would do, and then does. */
  function build(): string {
    return run(`
      import { symlinkSync, existsSync } from 'node:fs';
      import { planBuild, runBuild } from ${tool('compile.mjs')};
      const root = ${JSON.stringify(folder)};
      const modules = ${JSON.stringify(join(root, 'node_modules'))};
      if (!existsSync(root + '/node_modules')) symlinkSync(modules, root + '/node_modules', 'dir');
      const plan = planBuild(root);
      console.log(JSON.stringify([plan.changed, plan.stale]));
      try { runBuild(root, plan); } catch (error) { console.log(error.message.split('\\n')[0]); }
    `);
  }

  beforeEach(() => {
    put('package.json', '{"type": "module"}');
    put('.swcrc', '{"jsc": {"parser": {"syntax": "typescript"}}, "sourceMaps": true}');
    put('libs/a/src/index.ts', 'export const a: number = 1;');
  });

  it('compiles what changed, copies data, leaves out tests, and removes what is stale', () => {
    put('libs/a/src/b.sql', 'select 1');
    put('libs/a/src/a.test.ts', '');
    expect(build()).toBe('[["libs/a/src/b.sql","libs/a/src/index.ts"],[]]\n');
    expect(readdirSync(join(folder, 'dist/libs/a/src'))).toEqual([
      'b.sql',
      'index.js',
      'index.js.map',
    ]);
    expect(build()).toBe('[[],[]]\n');
    rmSync(join(folder, 'libs/a/src/b.sql'));
    put('libs/a/src/index.ts', 'export const a: number = 22;');
    expect(build()).toBe('[["libs/a/src/index.ts"],["libs/a/src/b.sql"]]\n');
    expect(build()).toBe('[[],[]]\n');
  });

  it('names a file that does not parse, and tries it again', () => {
    put('libs/a/src/index.ts', 'export const a = ;');
    expect(build()).toContain('libs/a/src/index.ts: ');
    expect(build()).toContain('[["libs/a/src/index.ts"],[]]');
  });
});
