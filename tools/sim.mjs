// `npm run sim`: prepares, then runs the simulator (see `npm run sim -- --help`).
import { spawn } from 'child_process';
import { join } from 'path';
import { root } from './lib/places.mjs';
import { forwardSignals } from './lib/signals.mjs';
import { prepare } from './prepare.mjs';

if (prepare()) {
  const main = join(root, 'dist', 'libs', 'sim', 'src', 'main.js');
  // A scenario leaves much that lives briefly, and its code is to be warm after seconds.
  const flags = [
    '--enable-source-maps',
    '--min-semi-space-size=16',
    '--no-lazy-feedback-allocation',
  ];
  const child = spawn(process.execPath, [...flags, main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  forwardSignals(child);
  child.once('exit', (code) => {
    process.exitCode = code === null ? 1 : code;
  });
} else {
  process.exitCode = 1;
}
