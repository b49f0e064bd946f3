// `npm run check`: types, lint, format, generated files, tidy; all of them, whatever fails.
import { packageBin, say } from './lib/places.mjs';
import { runAll, runSteps, steps } from './lib/steps.mjs';
import { prepare } from './prepare.mjs';

const tidy = {
  name: 'tidy',
  mend: 'each message above says what to use instead',
  run: () => runAll([[packageBin('vitest/vitest.mjs'), 'run', 'test/tidy']]),
};

async function check() {
  const failed = await runSteps([...steps, tidy], (text) => process.stdout.write(text));
  process.stdout.write(failed.length === 0 ? 'All good.\n' : `Failed: ${failed.join(', ')}\n`);
  return failed.length === 0;
}

if (!prepare()) {
  process.exitCode = 1;
} else {
  check().then(
    (ok) => {
      if (!ok) process.exitCode = 1;
    },
    (error) => {
      say(error.stack);
      process.exitCode = 1;
    },
  );
}
