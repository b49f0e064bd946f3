import { type LocalCommand } from './command.js';
import { CommandProblem } from '../problem.js';
import { wholeOf } from './values.js';

const NONE = { required: 0, names: '' };
const COUNT = {
  type: 'string',
  default: '1',
  value: 'N',
  help: '1 to 32 of them; else 1',
} as const;

export const dev: LocalCommand = {
  name: 'dev',
  summary: 'run everything on this machine (npm start)',
  usage: 'orrery dev [--schedulers N] [--executors N] [--chaos]',
  example: 'orrery dev --executors 2',
  more:
    'State is kept in .orrery, or in ORRERY_HOME. DATABASE_URL and MQTT_URL put real servers in ' +
    'the place of the embedded ones. Ctrl-C stops all of it.',
  options: {
    schedulers: COUNT,
    executors: COUNT,
    chaos: { type: 'boolean', help: 'kill, stop or cut off one of them every few seconds' },
  },
  positionals: NONE,
  isWordy: true,
  async start({ settings, terminal }, values) {
    const count = (name: string): number => wholeOf(values, name, [1, 32]) ?? 1;
    const counts = {
      schedulers: count('schedulers'),
      executors: count('executors'),
      chaos: values['chaos'] === true,
    };
    // Loaded only here: TypeORM is slow to load, and most commands need none of it.
    const loaded = await import('./dev.js');
    return await loaded.dev(settings(), counts, terminal);
  },
};

export const migrate: LocalCommand = {
  name: 'migrate',
  summary: 'bring the database of DATABASE_URL up to date',
  usage: 'orrery migrate',
  example: 'DATABASE_URL=postgres://localhost/orrery orrery migrate',
  options: {},
  positionals: NONE,
  isWordy: true,
  async start({ settings, terminal }) {
    const { databaseUrl, partitions, cluster } = settings();
    if (databaseUrl === undefined) {
      throw new CommandProblem('Set DATABASE_URL to the database that is to be migrated.');
    }
    const loaded = await import('#definitions');
    const installed = await loaded
      .migrate(databaseUrl, partitions, cluster)
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new CommandProblem(`The database cannot be brought up to date: ${why}`);
      });
    terminal.out(`up to date: format ${installed.format}, ${installed.partitions} partitions\n`);
    return 0;
  },
};
