// `npm start`: prepares, then runs the whole of Orrery on this machine (`orrery dev`).
import { spawn } from 'child_process';
import { constants } from 'os';
import { join } from 'path';
import { root, say } from './lib/places.mjs';
import { forwardSignals } from './lib/signals.mjs';
import { prepare } from './prepare.mjs';

const main = join(root, 'dist', 'apps', 'cli', 'src', 'main.js');

function start(args) {
  const child = spawn(process.execPath, ['--enable-source-maps', main, 'dev', ...args], {
    stdio: 'inherit',
  });
  forwardSignals(child);
  child.once('error', (error) => {
    say(`Orrery could not be started: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}

if (!prepare()) {
  process.exitCode = 1;
} else {
  start(process.argv.slice(2));
}
