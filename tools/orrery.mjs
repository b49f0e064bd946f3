#!/usr/bin/env node
// The `orrery` command: prepares quietly, then becomes apps/cli with the same arguments.
import { join } from 'path';
import { pathToFileURL } from 'url';
import { root, say } from './lib/places.mjs';
import { prepare } from './prepare.mjs';

const main = join(root, 'dist', 'apps', 'cli', 'src', 'main.js');

if (!prepare()) {
  process.exitCode = 1;
} else {
  process.setSourceMapsEnabled(true);
  process.argv[1] = main;
  import(pathToFileURL(main).href).catch((error) => {
    say(error.stack);
    process.exit(1);
  });
}
