// `npm run chaos`: prepares, then lets a storm loose on real processes (`-- --help` says how).
import { spawn } from 'child_process';
import { readFileSync } from 'fs';
import { resolve } from 'path';
import { packageBin, root, say } from './lib/places.mjs';
import { forwardSignals } from './lib/signals.mjs';
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

/** What each may be; minutes need not be whole. */
const bounds = { minutes: [0, 1440], rate: [1, 100000], faults: [1, 100000], seed: [0, 999999999] };

/** Why a text is no value of the option, or undefined. */
function wrongNumber(name, text) {
  const [from, to] = bounds[name];
  const isWhole = name !== 'minutes';
  const value = (isWhole ? /^\d{1,9}$/ : /^\d{1,9}(\.\d+)?$/).test(text) ? Number(text) : NaN;
  if (value >= from && value <= to && (isWhole || value > from)) return undefined;
  const what = isWhole ? `a whole number from ${from} to` : 'a number above 0 and at most';
  return `--${name} is ${what} ${to}, not '${text}'.`;
}

function wrongPlan(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    return `The plan ${file} cannot be read: ${why}.`;
  }
  try {
    if (Array.isArray(JSON.parse(text).faults)) return undefined;
  } catch {
    // no JSON is no plan either
  }
  return `The file ${file} is no plan: .cache/chaos has some.`;
}

/** The options as they are typed, or what is wrong; an old Node has no parser for them. */
function read(words) {
  const values = {};
  for (let i = 0; i < words.length; i++) {
    const [, name, inline] = /^--([a-z]+)(?:=(.*))?$/.exec(words[i]) || [];
    if (name === undefined) return { wrong: `Unexpected argument '${words[i]}'.` };
    if (!['plan', ...Object.keys(bounds)].includes(name)) {
      return { wrong: `Unknown option '--${name}'.` };
    }
    values[name] = inline === undefined ? words[++i] : inline;
    if (values[name] === undefined) return { wrong: `--${name} takes a value.` };
  }
  return { values };
}

/** The options as the test reads them, or what is wrong with them in one sentence. */
function variablesOf(words) {
  const { values, wrong: unread } = read(words);
  if (unread !== undefined) return { wrong: unread };
  const { plan, ...numbers } = values;
  for (const name of Object.keys(numbers)) {
    const wrong = wrongNumber(name, numbers[name]);
    if (wrong !== undefined) return { wrong };
  }
  const given = { ...defaults, ...numbers };
  const variables = {
    ORRERY_E2E_CHAOS_SECONDS: String(Math.max(1, Math.round(given.minutes * 60))),
    ORRERY_E2E_CHAOS_RATE: String(given.rate),
    ORRERY_E2E_CHAOS_FAULTS: String(given.faults),
    ORRERY_E2E_CHAOS_SEED: String(given.seed),
  };
  if (plan === undefined) return { variables };
  const file = resolve(plan);
  const wrong = wrongPlan(file);
  return wrong === undefined
    ? { variables: { ...variables, ORRERY_E2E_CHAOS_PLAN: file } }
    : { wrong };
}

function run(variables) {
  const words = ['run', '--project', 'e2e', 'test/e2e/chaos/storm'];
  const child = spawn(process.execPath, [packageBin('vitest/vitest.mjs'), ...words], {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: 'inherit',
  });
  forwardSignals(child);
  child.once('exit', (code) => {
    process.exitCode = code === null ? 1 : code;
  });
}

const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  process.stdout.write(help);
} else {
  const { variables, wrong } = variablesOf(words);
  if (wrong !== undefined) {
    say(wrong);
    process.exitCode = 2;
  } else if (prepare()) {
    run(variables);
  } else {
    process.exitCode = 1;
  }
}
