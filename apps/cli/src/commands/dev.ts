import 'reflect-metadata';
import fs from 'node:fs';
import path from 'node:path';
import { createClient } from '#client';
import { type Settings, inheritedEnvironment } from '#config';
import { createLogger } from '#telemetry';
import { type Endpoint, refuseNeighbours, runDev } from '../dev/index.js';
import { type Terminal, counted } from '../output/render.js';

export interface DevCounts {
  readonly schedulers: number;
  readonly executors: number;
  readonly chaos: boolean;
}

/** Everything on this machine, until Ctrl-C. Answers the exit code. */
export async function dev(settings: Settings, counts: DevCounts, terminal: Terminal) {
  const adminKeyFile = path.resolve(settings.home, 'admin.key');
  let isFirst = false;
  return await runDev({
    settings,
    ...counts,
    environment: inheritedEnvironment(),
    adminKeyFile,
    log: createLogger({ level: settings.logLevel, format: 'pretty', role: 'orrery' }),
    migration: async () => {
      const { migrate, seedDemo } = await import('#definitions');
      return async (databaseUrl, gatewayUrl) => {
        await migrate(databaseUrl, settings.partitions, settings.cluster);
        const isOwn = settings.databaseUrl === undefined || settings.mqttUrl !== undefined;
        if (!isOwn) await refuseNeighbours(databaseUrl);
        isFirst = await seedDemo(databaseUrl, { adminKeyFile, gatewayUrl });
      };
    },
    screen: async (endpoint) => {
      const { DEMO_JOBS: jobs } = await import('#definitions');
      const runs = isFirst ? await beginDemoRuns(endpoint, jobs) : [];
      terminal.out(screenOf(endpoint, counts, jobs, runs));
    },
  });
}

interface DemoRun {
  readonly job: string;
  readonly id: string;
}

const BEGIN = `mutation($input: SubmitRunsInput!) {
  submitRuns(input: $input) { results { run { id } } }
}`;

/** At the first start there is something to look at: a run of each job of the demo. */
async function beginDemoRuns(
  { graphql, adminKeyFile, project }: Endpoint,
  jobs: readonly string[],
): Promise<DemoRun[]> {
  const client = createClient({ url: graphql, key: fs.readFileSync(adminKeyFile, 'utf8').trim() });
  const items = jobs.map((job) => ({ project, job }));
  const answer = await client.request<{ submitRuns: { results: { run: DemoRun | null }[] } }>(
    BEGIN,
    { input: { project, items } },
  );
  await client.close();
  // Without them the screen is shorter, and everything works.
  if (!answer.ok) return [];
  return answer.value.submitRuns.results.flatMap(({ run }, i) =>
    run === null ? [] : [{ id: run.id, job: jobs[i] ?? '' }],
  );
}

export function screenOf(
  endpoint: Endpoint,
  { schedulers, executors, chaos }: DevCounts,
  jobs: readonly string[],
  runs: readonly DemoRun[],
): string {
  const width = Math.max(...jobs.map((job) => job.length));
  return [
    '',
    '  Orrery is up.',
    '',
    `  GraphQL        ${endpoint.graphql}`,
    `  Subscriptions  ${endpoint.ws}`,
    `  Admin key      ${endpoint.adminKeyFile}`,
    `  Processes      ${counted(schedulers, 'scheduler')}, ${counted(executors, 'executor')}`,
    ...(chaos
      ? ['  Chaos          is on: every few seconds one is killed, stopped or cut off']
      : []),
    `  Project        ${endpoint.project} with the jobs ${jobs.join(', ')}`,
    ...runs.map(({ job, id }, i) => {
      const title = i === 0 ? 'Runs begun' : '';
      return `  ${title.padEnd(13)}  ${job.padEnd(width)}  ${id}`;
    }),
    '',
    '  Try next, in another terminal:',
    "    npx orrery submit --shell 'echo hi' --wait",
    '    npx orrery submit --job flaky --wait',
    '    npx orrery runs ls',
    '    npx orrery cluster',
    '',
    '  Ctrl-C stops all of it.',
    '',
  ].join('\n');
}
