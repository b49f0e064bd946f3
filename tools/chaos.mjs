// `npm run chaos`: prepares, then lets a storm loose on real processes (`-- --help` says how).
import { spawn } from 'child_process';
import { resolve } from 'path';
import { packageBin, root, say } from './lib/places.mjs';
import { prepare } from './prepare.mjs';

const help = `npm run chaos -- [options]

  Kills, pauses and cuts off real processes under a steady load, then lets them rest and holds
  three histories against each other: what clients were told, what jobs have put down, what the
  API says. Ends with 1 when they disagree, or when nothing happened.

  --minutes N   for so long (20)
  --rate N      submissions a second (300)
  --faults N    so many (100)
  --seed N      draws the faults (the time of day)
  --plan FILE   these faults, as an earlier storm has kept them in .cache/chaos
`;

const defaults = { minutes: 20, rate: 300, faults: 100, seed: Date.now() % 1000000 };

/** The options as the test reads them, or undefined after a word that is none of them. */
function variablesOf(words) {
  const given = { ...defaults };
  let plan;
  for (let i = 0; i < words.length; i += 2) {
    const [name, value] = [words[i].replace(/^--/, ''), words[i + 1]];
    if (name === 'plan' && value !== undefined) plan = resolve(value);
    else if (name in defaults && Number(value) > 0) given[name] = Number(value);
    else {
      say(`${words.slice(i, i + 2).join(' ')} means nothing to a storm.\n\n${help}`);
      return undefined;
    }
  }
  const variables = {
    ORRERY_E2E_CHAOS_SECONDS: String(Math.round(given.minutes * 60)),
    ORRERY_E2E_CHAOS_RATE: String(given.rate),
    ORRERY_E2E_CHAOS_FAULTS: String(given.faults),
    ORRERY_E2E_CHAOS_SEED: String(given.seed),
  };
  return plan === undefined ? variables : { ...variables, ORRERY_E2E_CHAOS_PLAN: plan };
}

function run(variables) {
  const words = ['run', '--project', 'e2e', 'test/e2e/chaos/storm'];
  const child = spawn(process.execPath, [packageBin('vitest/vitest.mjs'), ...words], {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: 'inherit',
  });
  child.once('exit', (code) => {
    process.exitCode = code === null ? 1 : code;
  });
}

const words = process.argv.slice(2);
if (words.includes('--help')) {
  process.stdout.write(help);
} else {
  const variables = variablesOf(words);
  if (variables !== undefined && prepare()) run(variables);
  else process.exitCode = 1;
}
