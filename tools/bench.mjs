// `npm run bench`: prepares, then runs a scenario of bench/ (see `npm run bench -- help`).
import { spawn } from 'child_process';
import { join } from 'path';
import { root } from './lib/places.mjs';
import { forwardSignals } from './lib/signals.mjs';
import { prepare } from './prepare.mjs';

if (prepare()) {
  const main = join(root, 'dist', 'bench', 'main.js');
  // The young generation as `orrery dev` gives it to its processes.
  const flags = ['--enable-source-maps', '--max-semi-space-size=32'];
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
