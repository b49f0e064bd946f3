import { expect, test } from 'vitest';
import { screenOf } from './dev.js';

const endpoint = {
  graphql: 'http://127.0.0.1:4000/graphql',
  ws: 'ws://127.0.0.1:4000/graphql',
  mqtt: 'mqtt://127.0.0.1:1883',
  databaseUrl: 'postgres://127.0.0.1/orrery',
  adminKeyFile: '.orrery/admin.key',
  project: 'demo',
  processes: [],
} as const;

test('the screen says how many there are, and only then of chaos when it is on', () => {
  const calm = screenOf(endpoint, { schedulers: 1, executors: 4, chaos: false }, ['noop'], []);
  expect(calm).toContain('  Processes      1 scheduler, 4 executors\n');
  expect(calm).toContain('npx orrery cluster\n');
  expect(calm).not.toContain('Chaos');
  const wild = screenOf(endpoint, { schedulers: 3, executors: 4, chaos: true }, ['noop'], []);
  expect(wild).toContain('  Chaos          is on');
});
