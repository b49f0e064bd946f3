// `npm test`: types, lint, format and generated files count as one test each, then vitest runs
// everything. With file names (`npm test -- libs/config`) only those tests run. The last line is
// always `N passed, N failed`, which vitest does not print by itself.
import { spawn } from 'child_process';
import fs from 'fs';
import { join } from 'path';
import { packageBin, root, say } from './lib/places.mjs';
import { runSteps, steps } from './lib/steps.mjs';
import { prepare } from './prepare.mjs';

const nothing = { passed: 0, failed: 0 };

/** Checks of the whole source first: a broken type explains more than the test that it breaks. */
async function runChecks() {
  const failed = await runSteps(steps, (text) => process.stdout.write(text));
  return { passed: steps.length - failed.length, failed: failed.length };
}

function runVitest(args) {
  // By pid, because two people's runs in one checkout must not read each other's report.
  const report = join(root, '.cache', `vitest-${process.pid}.json`);
  fs.mkdirSync(join(root, '.cache'), { recursive: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const command = [packageBin('vitest/vitest.mjs'), 'run', ...reporters, ...args];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: 'inherit' });
    child.on('error', () => resolve({ passed: 0, failed: 1 }));
    child.on('close', (code) => {
      const counted = count(report);
      fs.rmSync(report, { force: true });
      resolve(judge(counted, code));
    });
  });
}

/** Tests by result, and one failure for each file that failed before it had any test. */
function count(report) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(
      fs.readFileSync(report, 'utf8'),
    );
    const broken = testResults.filter(
      (file) =>
        file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    );
    return { passed: numPassedTests, failed: numFailedTests + broken.length };
  } catch {
    return undefined;
  }
}

/** vitest's exit code knows of unhandled errors and crashes, which the counts do not show. */
function judge(counted, code) {
  if (counted === undefined) {
    say('vitest left no report: it crashed before its first test, or could not start.');
    return { passed: 0, failed: 1 };
  }
  if (counted.passed + counted.failed === 0) {
    say('No test ran.');
    return { passed: 0, failed: 1 };
  }
  if (code !== 0 && counted.failed === 0) {
    say('Every test passed, and vitest failed all the same: see the unhandled error above.');
    return { passed: counted.passed, failed: 1 };
  }
  return counted;
}

async function main(args) {
  if (!prepare()) return { passed: 0, failed: 1 };
  const isWhole = args.every((arg) => arg.startsWith('-'));
  const checked = isWhole ? await runChecks() : nothing;
  const tested = await runVitest(args);
  return { passed: checked.passed + tested.passed, failed: checked.failed + tested.failed };
}

function finish({ passed, failed }) {
  if (failed > 0) process.exitCode = 1;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
}

main(process.argv.slice(2)).then(finish, (error) => {
  say(error.stack);
  finish({ passed: 0, failed: 1 });
});
