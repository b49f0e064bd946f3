import fs from 'node:fs';
import path from 'node:path';
import { Reader, findJobsByName, readProjects } from '#postgres';
import { newApiKey, readApiKey } from './entities/api-key.format.js';
import { createApiKey, findApiKey } from './entities/api-keys.js';
import { canonicalJson, hashOf } from './entities/canonical.js';
import { Definitions } from './entities/definitions.js';
import { applyJob, listJobVersions } from './entities/jobs.js';
import { createProject } from './entities/projects.js';

const PROJECT = 'demo';
const SEEDER = 'orrery/seed';

const JOBS: Readonly<Record<string, unknown>> = {
  'hello-shell': { kind: 'shell', command: 'echo "hello from $ORRERY_EXECUTOR"' },
  noop: { kind: 'function', name: 'noop' },
  flaky: { kind: 'function', name: 'flaky', retry: { maxAttempts: 3, delay: '200ms' } },
};
const HEALTH = 'health-http';
const healthOf = (gatewayUrl: string): unknown => ({
  kind: 'http',
  url: `${gatewayUrl}/livez`,
  timeout: '10s',
});

export interface SeedOptions {
  /** Gets a key that may do everything, unless it holds one that the database knows. */
  readonly adminKeyFile: string;
  /** Where the gateway will serve, for the job that asks after its health; else there is none. */
  readonly gatewayUrl?: string;
}

/** What there is to see at the first start. */
export const DEMO_JOBS: readonly string[] = [...Object.keys(JOBS), HEALTH];

/**
 * What a first look needs: a project, jobs, a key. What people have changed since stays as it is.
 * Answers whether this is the first look.
 */
export async function seedDemo(url: string, options: SeedOptions): Promise<boolean> {
  const definitions = new Definitions({ url, name: SEEDER });
  const reader = new Reader({ url, name: SEEDER, role: 'orrery_gateway_read', connections: 1 });
  try {
    await definitions.start();
    const isFirst = !(await readProjects(reader)).some(({ name }) => name === PROJECT);
    const { gatewayUrl } = options;
    const health = gatewayUrl === undefined ? {} : { [HEALTH]: healthOf(gatewayUrl) };
    const project = await seedProject(definitions, reader);
    await seedJobs(definitions, reader, project, { ...JOBS, ...health });
    await seedKey(definitions, options.adminKeyFile);
    return isFirst;
  } finally {
    await Promise.all([definitions.stop(), reader.stop()]);
  }
}

async function seedProject(definitions: Definitions, reader: Reader): Promise<string> {
  const find = async (): Promise<string | undefined> =>
    (await readProjects(reader)).find((project) => project.name === PROJECT)?.id;
  const found = await find();
  if (found !== undefined) return found;
  const description = 'Jobs to try things with.';
  const made = await createProject(definitions, { name: PROJECT, description });
  // Undefined: another process has just made it.
  const id = made?.id ?? (await find());
  if (id === undefined) throw new Error(`the project ${PROJECT} was neither found nor made`);
  return id;
}

/**
 * A job that a person has changed since keeps its change. One that is still ours follows us: the
 * gateway may have got another port.
 */
async function seedJobs(
  definitions: Definitions,
  reader: Reader,
  project: string,
  jobs: Readonly<Record<string, unknown>>,
): Promise<void> {
  const existing = await findJobsByName(reader, project, Object.keys(jobs));
  const known = new Map(existing.map((job) => [job.name, job.id]));
  for (const [name, job] of Object.entries(jobs)) {
    const id = known.get(name);
    const newest = id === undefined ? undefined : await newestOf(definitions, project, id);
    const spec = canonicalJson(job);
    const hash = hashOf(spec);
    if (newest !== undefined && (newest.createdBy !== SEEDER || newest.hash === hash)) continue;
    const by = SEEDER;
    const expectedVersion = newest?.version ?? null;
    await applyJob(definitions, { project, name, spec, hash, expectedVersion, by });
  }
}

async function newestOf(definitions: Definitions, project: string, job: string) {
  const [newest] = await listJobVersions(definitions, { project, job, before: null, limit: 1 });
  return newest;
}

async function seedKey(definitions: Definitions, file: string): Promise<void> {
  const held = readApiKey(readText(file));
  if (held !== undefined) {
    const known = await findApiKey(definitions, { hash: held.hash });
    if (known !== null && known.revokedAt === null) return;
  }
  const { key, prefix, hash } = newApiKey();
  const name = 'admin of this machine';
  const role = 'ADMIN';
  await createApiKey(definitions, { name, prefix, hash, role, projects: null, expiresAt: null });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // Written aside and renamed: a reader finds the old key or the new one, and nobody else may look.
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, `${key}\n`, { mode: 0o600 });
  fs.renameSync(aside, file);
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return ''; // missing or unreadable: a new key is made
  }
}
