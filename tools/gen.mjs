// `npm run gen` writes what is derived from code; with --check it only says what is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import { pathToFileURL } from 'url';
import { root, say } from './lib/places.mjs';
import { prepare } from './prepare.mjs';

/** Every generated file. A new one is one more entry here. */
const generated = [
  {
    file: 'docs/settings.md',
    render: async () => (await load('libs/config/src/index.js')).settingsPage(),
  },
  {
    file: 'schema.graphql',
    render: async () => (await load('apps/gateway/src/graphql/print-schema.js')).printedSchema(),
  },
];

function load(path) {
  return import(pathToFileURL(join(root, 'dist', path)).href);
}

async function generate(onlyCheck) {
  let outdated = 0;
  for (const { file, render } of generated) {
    const path = join(root, file);
    const text = await render();
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    if (onlyCheck) {
      outdated += 1;
      say(`${file} is out of date: run npm run gen`);
    } else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      say(`${file} written`);
    }
  }
  return outdated === 0;
}

if (!prepare()) {
  process.exitCode = 1;
} else {
  generate(process.argv.includes('--check')).then(
    (ok) => {
      if (!ok) process.exitCode = 1;
    },
    (error) => {
      say(error.stack);
      process.exitCode = 1;
    },
  );
}
