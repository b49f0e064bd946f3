import { spawn } from 'child_process';
import { existsSync } from 'fs';
import { join } from 'path';
import { packageBin, root } from './places.mjs';

const sourceFolders = ['apps', 'libs', 'bench', 'test', 'tools'];

/** What holds for the source as a whole. Each step counts as one test in the last line. */
export const steps = [
  {
    name: 'types',
    mend: 'fix the types; npx tsc -p . shows the same',
    run: () => runAll([[packageBin('typescript/bin/tsc'), '-p', '.']]),
  },
  {
    name: 'lint',
    mend: 'follow the help of each finding; never switch a rule off for a line',
    run: () => {
      const flags = ['--type-aware', '--disable-nested-config', '--deny-warnings'];
      return runAll([[packageBin('oxlint/bin/oxlint'), ...flags, ...present()]]);
    },
  },
  {
    name: 'format',
    mend: 'run npm run format',
    run: () => runAll([[packageBin('@biomejs/biome/bin/biome'), 'format']]),
  },
  {
    name: 'generated',
    mend: 'run npm run gen',
    run: () => runAll([[join(root, 'tools', 'gen.mjs'), '--check']]),
  },
];

/** Runs one step after the other, says each result, and gives the names of those that failed. */
export async function runSteps(chosen, write) {
  const failed = [];
  for (const step of chosen) {
    const startMs = Date.now();
    const { ok, output } = await step.run();
    const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
    write(`${ok ? 'ok  ' : 'FAIL'} ${step.name.padEnd(10)} ${seconds} s\n`);
    if (ok) continue;
    failed.push(step.name);
    write(`${output.trimEnd()}\n     ${step.name}: ${step.mend}\n\n`);
  }
  return failed;
}

/** Node runs each command itself, so neither a shell nor PATH has a say in which one it is. */
export async function runAll(commands) {
  let ok = true;
  let output = '';
  for (const args of commands) {
    const result = await capture(args);
    ok = ok && result.code === 0;
    output += result.output;
  }
  return { ok, output };
}

function capture(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: withoutColour(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ code: 1, output: `${error.message}\n` }));
    child.on('close', (code, signal) => {
      const ending = signal === null ? '' : `ended by ${signal}\n`;
      resolve({
        code: code === null ? 1 : code,
        output: Buffer.concat(chunks).toString() + ending,
      });
    });
  });
}

/** Node warns when both variables are set, so the one has to go. */
function withoutColour() {
  const { FORCE_COLOR: _dropped, ...env } = process.env;
  return { ...env, NO_COLOR: '1' };
}

function present() {
  return sourceFolders.filter((folder) => existsSync(join(root, folder)));
}
