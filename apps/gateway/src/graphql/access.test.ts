import type { GraphQLSchema } from 'graphql';
import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf } from '#core';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import {
  type Asked,
  type Place,
  ROOTS,
  documentOf,
  nestedOf,
  pathsFrom,
  rootsOf,
} from '../testkit/access.js';
import { type Answer, type TestGateway, startTestGateway } from '../testkit/gateway.js';
import { NESTED } from '../testkit/nested.js';
import { TestOwner } from '../testkit/owner.js';
import { bearer, connect, first, listen } from '../testkit/socket.js';
import { buildSchema } from './print-schema.js';
import { ROLES, type Role } from './schema/enums.js';

const PARTITIONS = 4;
const schema: GraphQLSchema = await buildSchema();
/** In every text of the foreign project, so that none of it can be seen unnoticed. */
const CANARY = 'canary';
const spareOf = (role: Role): string => `${CANARY}-spare-${role}`;
const CANARY_PLACE = { project: `${CANARY}-project`, job: `${CANARY}-job` };
/** As well formed as what exists. */
const NOWHERE: Place = {
  project: 'nowhere',
  job: 'nothing',
  spare: 'nothing-spare',
  run: '019aa000-0000-7000-8000-000000000000',
  key: '3f0c9a52-7d1e-4a60-9c55-0f3f6f1d2b11',
};
/** A test has none of these; what leads to them is refused all the same. */
const NEVER_THERE = [
  'Attempt.error',
  'Attempt.executor',
  'Cluster.schedulers',
  'ClusterEvent.refused',
  'Executor.closed',
  'Run.attempts',
  'Run.executor',
  'Run.discarded',
  'Run.paused',
  'Run.progress',
  'Run.reusedFrom',
  'RunEventFrame.events',
  'SchedulerNode.threads',
];

let database: TestDatabase;
let gateway: TestGateway;
let owner: TestOwner;
let foreign: Place;
/** Of a project of their own, and of the foreign one. */
const strangers = new Map<Role, string>();
const members = new Map<Role, string>();
const clients = new Map<string, Client>();
let url: string;

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { key apiKey { id } userErrors { code message } } }`;
const keyOf = (project: string, role: Role): Promise<{ key: string; apiKey: { id: string } }> => {
  const name = `${role} of ${project}`;
  return gateway.get(CREATE_KEY, { input: { name, projects: [project], role } });
};

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  gateway = await startTestGateway({ url: database.url });
  owner = new TestOwner(database.url);
  await owner.executor('x', 'default', 'ACTIVE', 1);
  url = await listen(gateway);
  const { project, job } = CANARY_PLACE;
  const make =
    'mutation ($name: String!) { createProject(input: { name: $name }) { project { id } } }';
  for (const name of ['own', project]) await gateway.get(make, { name });
  for (const role of ROLES) {
    strangers.set(role, (await keyOf('own', role)).key);
    members.set(role, (await keyOf(project, role)).key);
  }
  const spec = { kind: 'function', name: 'noop', description: CANARY };
  const apply = `mutation ($p: String!, $j: String!, $spec: JSON!) {
    applyJob(input: { project: $p, name: $j, spec: $spec }) { changed } }`;
  for (const j of [job, ...ROLES.map(spareOf)]) await gateway.get(apply, { p: project, j, spec });
  const submit = (): Promise<{ run: { id: string; project: { id: string } } }> =>
    gateway.get(
      `mutation ($p: String!, $j: String!) { submitRun(input: { project: $p, job: $j,
        params: "${CANARY}", labels: { c: "${CANARY}" } }) { run { id project { id } } } }`,
      { p: project, j: job },
    );
  const made = await submit();
  const { id, project: of } = made.run;
  const run = { id, project: of.id, partition: partitionOf(id, PARTITIONS) };
  await owner.finish(run, 'DEAD', 'FAILED');
  await submit(); // one that waits, beside the one that has ended
  await owner.log(id, project, CANARY);
  foreign = {
    project,
    job,
    spare: spareOf('VIEWER'),
    run: id,
    key: (await keyOf(project, 'VIEWER')).apiKey.id,
  };
});
afterAll(async () => {
  for (const client of clients.values()) await client.dispose();
  await owner.stop();
  await gateway.stop();
  await database.stop();
});

/** Over HTTP, or a socket where it is a subscription. */
async function ask(asked: Asked, place: Place, key: string): Promise<Answer> {
  const variables = asked.variables(place);
  if (!asked.isSubscription) return await gateway.ask(asked.query, variables, key);
  const client = clients.get(key) ?? connect(url, bearer(key));
  clients.set(key, client);
  return await first(client, asked.query, variables);
}

/** The user errors, also those of the items of a batch. */
function userErrorsOf(value: unknown): { readonly code: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'userErrors' ? (member as { code: string }[]) : userErrorsOf(member),
  );
}
function verdictOf({ data, errors }: Answer): string {
  if (errors !== undefined) return `error ${errors[0]?.extensions.code}`;
  const [refused] = userErrorsOf(data);
  if (refused !== undefined) return `userError ${refused.code}`;
  return Object.values(data ?? {})[0] === null ? 'null' : 'fine';
}
/** What tells nothing of what was asked for, but that it was asked for. */
function without(place: Place, answer: Answer): string {
  // Pools belong to no project: what waits for them moves between two questions.
  const text = JSON.stringify(answer).replaceAll(
    /"(waiting|oldestWaiting|lag)":("[^"]*"|\d+)/g,
    '',
  );
  return Object.entries(place).reduce((rest, [name, is]) => rest.replaceAll(is, `<${name}>`), text);
}
const mayAs = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

const roots = Object.entries(ROOTS);
const matrix = roots.flatMap(([name, root]) => ROLES.map((role) => [name, role, root] as const));

describe('access', () => {
  it('every root field stands in the table, with the role that it declares', () => {
    const declared = rootsOf(schema).map(
      ([name, field]) => `${name} ${String(field.extensions['role'])}`,
    );
    const table = roots.map(([name, { role }]) => `${name} ${role}`);
    expect(declared.sort()).toEqual(table.sort());
  });

  it('every field that leads on stands in the table', () => {
    expect(nestedOf(schema).sort()).toEqual(Object.keys(NESTED).sort());
  });

  it.each(matrix)(
    '%s of another project, as %s: as if it did not exist',
    async (name, role, root) => {
      const asked = documentOf(schema, name);
      const key = strangers.get(role) ?? '';
      const about = await ask(asked, foreign, key);
      const missing = await ask(asked, NOWHERE, key);
      expect(without(foreign, about)).toBe(without(NOWHERE, missing));
      if (!mayAs(role, root.role)) {
        expect(about.errors?.[0]?.extensions).toEqual({ code: 'FORBIDDEN', needs: root.role });
        expect(about.errors?.[0]?.message).toContain(`needs the role ${root.role}`);
        return;
      }
      const names = root.foreign !== 'none' && root.foreign !== 'only own';
      expect(verdictOf(about)).toBe(names ? root.foreign : (root.own ?? 'fine'));
      if (!names) expect(JSON.stringify(about)).not.toContain(CANARY);
    },
  );

  it.each(matrix)('%s of their own project, as %s', async (name, role, root) => {
    const own = { ...foreign, spare: spareOf(role) };
    const asked = ask(documentOf(schema, name), own, members.get(role) ?? '');
    // Who pauses a job waits for all owners.
    const answer = await owner.answering([0, 1, 2, 3], asked);
    const expected = mayAs(role, root.role) ? (root.own ?? 'fine') : 'error FORBIDDEN';
    expect(verdictOf(answer)).toBe(expected);
  });

  it('what hangs below the roots shows a stranger of any role nothing', async () => {
    const seen = new Set<string>();
    for (const [name, field] of rootsOf(schema)) {
      if (name.startsWith('Mutation.')) continue;
      for (const [nested, path] of pathsFrom(field)) {
        const asked = documentOf(schema, name, path);
        const own = await ask(asked, foreign, members.get('VIEWER') ?? '');
        expect(own.errors, asked.query).toBeUndefined();
        if (JSON.stringify(own).includes('"__typename"')) seen.add(nested);
        for (const key of strangers.values()) {
          const about = await ask(asked, foreign, key);
          const missing = await ask(asked, NOWHERE, key);
          expect(without(foreign, about), asked.query).toBe(without(NOWHERE, missing));
          const told = JSON.stringify({ ...about, errors: about.errors?.map((e) => e.extensions) });
          expect(told, asked.query).not.toContain(CANARY);
        }
      }
    }
    const expected = Object.keys(NESTED).filter((each) => !NEVER_THERE.includes(each));
    expect([...seen].sort()).toEqual(expected.sort());
  }, 60_000);

  it('a key for every project makes projects when it is ADMIN, and not below', async () => {
    const asked = documentOf(schema, 'Mutation.createProject');
    for (const role of ROLES) {
      const verdict = verdictOf(await ask(asked, foreign, (await keyOf('*', role)).key));
      expect(verdict).toBe(role === 'ADMIN' ? 'fine' : 'error FORBIDDEN');
    }
  });
});

describe('who is nobody', () => {
  it.each([undefined, 'Bearer nonsense', `Bearer ork_abcdefgh_${'x'.repeat(43)}`, 'Basic eDp5'])(
    'refuses %s',
    async (authorization) => {
      const headers = { 'content-type': 'application/json' };
      const response = await gateway.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: authorization === undefined ? headers : { ...headers, authorization },
        payload: JSON.stringify({ query: '{ viewer { id } }' }),
      });
      const answer = JSON.parse(response.payload) as Answer;
      expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect(answer.data).toBeUndefined();
    },
  );

  it('refuses a page of another site, and forms', async () => {
    const send = (headers: Record<string, string>, payload: string) =>
      gateway.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { authorization: `Bearer ${gateway.key}`, ...headers },
        payload,
      });
    const query = JSON.stringify({ query: '{ viewer { id } }' });
    const json = { 'content-type': 'application/json' };
    expect((await send({ ...json, origin: 'https://evil.example' }, query)).statusCode).toBe(403);
    expect((await send({ 'content-type': 'text/plain' }, query)).statusCode).toBe(415);
    expect((await send({ ...json, origin: 'http://localhost:80' }, query)).statusCode).toBe(200);
  });
});
