import 'reflect-metadata';
import path from 'node:path';
import { type Settings, inheritedEnvironment } from '#config';
import { migrate, seedDemo } from '#postgres';
import { createLogger } from '#telemetry';
import { type Endpoint, runDev } from '../dev/index.js';
import type { Terminal } from '../output/render.js';

export interface DevCounts {
  readonly schedulers: number;
  readonly executors: number;
}

/** Everything on this machine, until Ctrl-C. Answers the exit code. */
export async function dev(settings: Settings, counts: DevCounts, terminal: Terminal) {
  const adminKeyFile = path.resolve(settings.home, 'admin.key');
  return await runDev({
    settings,
    ...counts,
    environment: inheritedEnvironment(),
    adminKeyFile,
    log: createLogger({ level: settings.logLevel, format: 'pretty', role: 'orrery' }),
    migrate: async (databaseUrl) => {
      await migrate(databaseUrl, settings.partitions);
      await seedDemo(databaseUrl, { adminKeyFile });
    },
    screen: (endpoint) => terminal.out(screenOf(endpoint)),
  });
}

function screenOf(endpoint: Endpoint): string {
  return [
    '',
    '  Orrery is up.',
    '',
    `  GraphQL        ${endpoint.graphql}`,
    `  Subscriptions  ${endpoint.ws}`,
    `  Admin key      ${endpoint.adminKeyFile}`,
    `  Project        ${endpoint.project} with the jobs hello-shell, noop and flaky`,
    '',
    '  Try next, in another terminal:',
    "    npx orrery submit --shell 'echo hi' --wait",
    '    npx orrery submit --job flaky --wait',
    '    npx orrery runs ls',
    '',
    '  Ctrl-C stops all of it.',
    '',
  ].join('\n');
}
