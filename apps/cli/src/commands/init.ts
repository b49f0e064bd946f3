import fs from 'node:fs';
import path from 'node:path';
import { renderOne } from '../output/render.js';
import { ROOT } from '../places.js';
import { CommandProblem } from '../problem.js';
import type { LocalCommand } from './command.js';

const EXECUTOR = `import fs from 'node:fs';
import { createExecutor } from '#executor';

// Where 'orrery dev' of this folder has its broker; MQTT_URL names another one.
const endpoint = () => JSON.parse(fs.readFileSync('.orrery/endpoint.json', 'utf8'));

const executor = createExecutor({
  mqttUrl: process.env.MQTT_URL ?? endpoint().mqtt,
  // Its memory: no other executor may use this folder.
  directory: '.executor',
  id: 'greeter-1',
  slots: 4,
  handlers: {
    greet: async ({ name }, { log }) => {
      log(\`greeting \${name}\`);
      return \`hello \${name}\`;
    },
  },
});
await executor.start();
console.log('greeter-1 is there; Ctrl-C ends it');
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void executor.stop({ drainMs: 2_000 }));
}
`;
const JOB = { kind: 'function', name: 'greet', retry: { maxAttempts: 3, delay: '1s' } };

/** What the project is made of. */
function filesOf(name: string, installation: string): ReadonlyMap<string, string> {
  const manifest = {
    name,
    private: true,
    type: 'module',
    imports: { '#executor': 'orrery/dist/libs/executor/src/index.js' },
    dependencies: { orrery: `file:${installation}` },
  };
  return new Map([
    ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
    ['jobs/greet.json', `${JSON.stringify(JOB, null, 2)}\n`],
    ['executor.mjs', EXECUTOR],
    ['.gitignore', 'node_modules/\n.orrery/\n.executor/\n'],
  ]);
}

/** As npm would: this installation stands in node_modules, and nothing is downloaded. */
function link(folder: string): void {
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(path.join(modules, '.bin'), { recursive: true });
  fs.symlinkSync(ROOT, path.join(modules, 'orrery'), 'junction');
  fs.symlinkSync('../orrery/tools/orrery.mjs', path.join(modules, '.bin', 'orrery'));
}

function nameOf(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-');
  return name.replaceAll(/^-+|-+$/g, '') || 'orrery-project';
}

function make(folder: string): readonly string[] {
  const installation = path.relative(fs.realpathSync(folder), ROOT);
  const files = filesOf(nameOf(folder), installation);
  const taken = [...files.keys(), 'node_modules'].filter((file) =>
    fs.existsSync(path.join(folder, file)),
  );
  if (taken.length > 0) {
    throw new CommandProblem(
      `${folder} has ${taken.join(', ')} already, and nothing is overwritten: name another folder.`,
    );
  }
  for (const [file, text] of files) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text, { flag: 'wx' });
  }
  link(folder);
  return [...files.keys()];
}

export const init: LocalCommand = {
  name: 'init',
  summary: 'make a small project: a job, and an executor with one function',
  usage: 'orrery init FOLDER',
  example: 'orrery init my-project',
  more:
    'It overwrites nothing, installs nothing and starts nothing: it prints the next three ' +
    "commands. FOLDER may be '.'.",
  options: {},
  positionals: { required: 1, names: 'FOLDER' },
  async start({ terminal, format }, _values, [given = '']) {
    const folder = path.resolve(given);
    try {
      fs.mkdirSync(folder, { recursive: true });
    } catch (error) {
      const { message } = error as Error;
      throw new CommandProblem(`The folder ${folder} cannot be made: ${message}`);
    }
    const files = make(folder);
    const next = [
      'npx orrery dev',
      'node executor.mjs',
      `npx orrery jobs apply greet --file jobs/greet.json && ` +
        `npx orrery submit --job greet --params '{"name":"Ada"}' --wait --output json`,
    ];
    if (format !== 'table') {
      terminal.out(renderOne({ folder, files, next }, format));
      return await Promise.resolve(0);
    }
    const where = ['', 'in another terminal: ', 'in a third one: '];
    terminal.out(
      [
        `Made ${folder} with ${files.join(', ')}.`,
        `Next, in that folder:`,
        ...next.map((command, i) => `  ${where[i]}${command}`),
        '',
      ].join('\n'),
    );
    return 0;
  },
};
