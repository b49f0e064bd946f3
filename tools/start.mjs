// `npm start`: prepares, then runs the whole of Orrery on this machine (`orrery dev`).
import { spawn } from 'child_process';
import { constants } from 'os';
import { join } from 'path';
import { root, say } from './lib/places.mjs';
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

/**
 * Each signal goes to the child at most once: npm and the terminal both pass Ctrl-C on, and a
 * second one means "stop without finishing". On a terminal the child is in the foreground group
 * and has had SIGINT and SIGHUP from there already; SIGTERM never comes from a terminal.
 */
function forwardSignals(child) {
  const onTerminal = [process.stdin, process.stdout, process.stderr].some((each) => each.isTTY);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    let seen = false;
    process.on(signal, () => {
      const hasIt = onTerminal && signal !== 'SIGTERM';
      if (!seen && !hasIt) child.kill(signal);
      seen = true;
    });
  }
}

if (!prepare()) {
  process.exitCode = 1;
} else {
  start(process.argv.slice(2));
}
