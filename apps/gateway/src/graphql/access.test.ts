import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { type Answer, type TestGateway, startTestGateway } from '../testkit/gateway.js';
import { buildSchema } from './print-schema.js';
import { ROLES, type Role } from './schema/enums.js';

/** What a caller without the project gets, who names something of it. */
type Foreign =
  /** It belongs to no project. */
  | 'none'
  | 'null'
  | 'error NOT_FOUND'
  | 'userError NOT_FOUND'
  /** An own call of this kind answers only with what the viewer may see. */
  | 'only own';
interface Root {
  readonly role: Role;
  readonly foreign: Foreign;
  /** With `$project`, `$run` of the foreign project. */
  readonly document?: string;
}

const submit = '{ userErrors { code path } }';
/** Every query, mutation and subscription. A new one fails the tests until it stands here. */
const ROOTS: Readonly<Record<string, Root>> = {
  'Query.viewer': { role: 'VIEWER', foreign: 'only own' },
  'Query.projects': { role: 'VIEWER', foreign: 'only own' },
  'Query.cluster': { role: 'VIEWER', foreign: 'none' },
  'Query.executor': { role: 'VIEWER', foreign: 'none' },
  'Query.executors': { role: 'VIEWER', foreign: 'none' },
  'Query.pools': { role: 'VIEWER', foreign: 'none' },
  'Query.project': {
    role: 'VIEWER',
    foreign: 'null',
    document: 'query ($project: String!) { project(name: $project) { id } }',
  },
  'Query.job': {
    role: 'VIEWER',
    foreign: 'null',
    document: 'query ($project: String!) { job(project: $project, name: "noop") { id } }',
  },
  'Query.jobs': {
    role: 'VIEWER',
    foreign: 'error NOT_FOUND',
    document: 'query ($project: String!) { jobs(project: $project) { nodes { id } } }',
  },
  'Query.run': {
    role: 'VIEWER',
    foreign: 'null',
    document: 'query ($run: ID!) { run(id: $run) { id } }',
  },
  'Query.runs': {
    role: 'VIEWER',
    foreign: 'error NOT_FOUND',
    document: 'query ($project: String!) { runs(project: $project) { nodes { id } } }',
  },
  'Mutation.submitRun': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($project: String!) {
      submitRun(input: { project: $project, job: "noop" }) ${submit} }`,
  },
  'Mutation.submitRuns': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($project: String!) {
      submitRuns(input: { project: $project, items: [{ project: $project, job: "noop" }] }) {
        results ${submit} } }`,
  },
  'Mutation.cancelRun': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($run: ID!) { cancelRun(input: { id: $run }) ${submit} }`,
  },
  'Mutation.applyJob': {
    role: 'EDITOR',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($project: String!) {
      applyJob(input: { project: $project, name: "noop", spec: {kind: "function", name: "noop"} })
      ${submit} }`,
  },
  'Mutation.createProject': { role: 'ADMIN', foreign: 'none' },
  'Mutation.createApiKey': {
    role: 'ADMIN',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($project: String!) {
      createApiKey(input: { name: "x", projects: [$project], role: VIEWER }) ${submit} }`,
  },
  'Mutation.revokeApiKey': {
    role: 'ADMIN',
    foreign: 'userError NOT_FOUND',
    document: `mutation ($key: ID!) { revokeApiKey(input: { id: $key }) ${submit} }`,
  },
  // Their foreign cases go over a socket: sockets.test.ts.
  'Subscription.runEvents': { role: 'VIEWER', foreign: 'error NOT_FOUND' },
  'Subscription.runChanged': { role: 'VIEWER', foreign: 'error NOT_FOUND' },
  'Subscription.runLog': { role: 'VIEWER', foreign: 'error NOT_FOUND' },
};

/**
 * Fields below the roots that lead to another object. Why each stays within what the viewer may
 * see: `parent` reads by the object it stands in, which was seen; `loader` reads within the
 * viewer's projects; `global` belongs to no project.
 */
const NESTED: Readonly<Record<string, 'parent' | 'loader' | 'global'>> = {
  'Attempt.error': 'parent',
  'Attempt.executor': 'global',
  'Cluster.partitions': 'global',
  'Cluster.schedulers': 'global',
  'Executor.pool': 'global',
  'Job.project': 'loader',
  'Job.runs': 'parent',
  'Job.versions': 'parent',
  'Pool.executors': 'global',
  'ProjectAccess.project': 'loader',
  'Run.attempts': 'parent',
  'Run.error': 'parent',
  'Run.events': 'parent',
  'Run.executor': 'global',
  'Run.job': 'loader',
  'Run.log': 'parent',
  'Run.progress': 'parent',
  'Run.project': 'loader',
  'Run.retryOf': 'loader',
  'Run.waitingFor': 'parent',
  'RunEvent.run': 'loader',
  'RunEventFrame.events': 'parent',
  'SchedulerNode.threads': 'global',
  'Viewer.projects': 'loader',
};

let schema: GraphQLSchema;
let database: TestDatabase;
let gateway: TestGateway;
/** A key of another project, and what it must not see. */
let stranger: string;
let run: string;
let keyId: string;

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { key apiKey { id } userErrors { code message } } }`;

beforeAll(async () => {
  schema = await buildSchema();
  database = await startTestDatabase();
  gateway = await startTestGateway({ url: database.url });
  const project = 'mutation { createProject(input: { name: "other" }) { project { id } } }';
  await gateway.get(project);
  const keyOf = (name: string): Promise<{ key: string; apiKey: { id: string } }> =>
    gateway.get(CREATE_KEY, { input: { name, projects: [name], role: 'ADMIN' } });
  stranger = (await keyOf('other')).key;
  keyId = (await keyOf('demo')).apiKey.id;
  const made = await gateway.get<{ run: { id: string } }>(
    'mutation { submitRun(input: { project: "demo", job: "noop" }) { run { id } } }',
  );
  run = made.run.id;
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

function roots(): (readonly [string, GraphQLField<unknown, unknown>])[] {
  const types = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return types.flatMap((type) =>
    Object.values(type?.getFields() ?? {}).map((f) => [`${type?.name}.${f.name}`, f] as const),
  );
}

const ours = (type: GraphQLNamedType): boolean => !isIntrospectionType(type);
const isPlumbing = (name: string): boolean => /(Edge|Connection|Payload)$|^PageInfo$/.test(name);

describe('access', () => {
  it('every root field stands in the table, with the role that it declares', () => {
    const declared = roots().map(([name, field]) => `${name} ${String(field.extensions['role'])}`);
    const table = Object.entries(ROOTS).map(([name, { role }]) => `${name} ${role}`);
    expect(declared.sort()).toEqual(table.sort());
  });

  it('every field that leads on stands in the table', () => {
    const found: string[] = [];
    for (const type of Object.values(schema.getTypeMap()).filter(ours)) {
      if (!isObjectType(type) || isPlumbing(type.name)) continue;
      if (/^(Query|Mutation|Subscription)$/.test(type.name)) continue;
      for (const field of Object.values(type.getFields())) {
        const named = field.type.toString().replaceAll(/[[\]!]/g, '');
        if (isObjectType(schema.getType(named))) found.push(`${type.name}.${field.name}`);
      }
    }
    expect(found.sort()).toEqual(Object.keys(NESTED).sort());
  });

  it.each(Object.entries(ROOTS).filter(([, { document }]) => document !== undefined))(
    '%s answers a stranger as if it did not exist',
    async (_name, { document, foreign }) => {
      const ask = (project: string, id: string, key: string, as: string): Promise<Answer> => {
        const all = { project, run: id, key };
        const used = Object.entries(all).filter(([name]) => document?.includes(`$${name}`));
        return gateway.ask(document ?? '', Object.fromEntries(used), as);
      };
      const absent = '019aa000-0000-7000-8000-000000000000';
      const hidden = await ask('demo', run, keyId, stranger);
      const missing = await ask('nowhere', absent, absent, stranger);
      const plain = (answer: Answer): string =>
        JSON.stringify(answer).replaceAll('nowhere', 'demo');
      expect(plain(hidden)).toBe(plain(missing));
      const text = JSON.stringify(hidden);
      if (foreign === 'null') expect(Object.values(hidden.data ?? {})).toEqual([null]);
      else if (foreign === 'error NOT_FOUND')
        expect(hidden.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
      else expect(text).toContain('"code":"NOT_FOUND"');
      // Its own people see it: the case is none of a document that never works.
      if (foreign === 'null') {
        const seen = await ask('demo', run, keyId, gateway.key);
        expect(Object.values(seen.data ?? {})[0]).not.toBeNull();
      }
    },
  );

  it('lists only what the viewer may see', async () => {
    const names = '{ projects { nodes { name } } }';
    const seen = await gateway.get<{ nodes: unknown[] }>(names, {}, stranger);
    expect(seen.nodes).toEqual([{ name: 'other' }]);
    const viewer = '{ viewer { projects { role project { name } } } }';
    expect(await gateway.get(viewer, {}, stranger)).toEqual({
      projects: [{ role: 'ADMIN', project: { name: 'other' } }],
    });
  });

  it('a VIEWER may do nothing that asks for more', async () => {
    const input = { name: 'eyes', projects: ['demo'], role: 'VIEWER' };
    const { key } = await gateway.get<{ key: string }>(CREATE_KEY, { input });
    const needsMore = Object.entries(ROOTS).filter(
      ([, root]) => ROLES.indexOf(root.role) > 0 && root.document !== undefined,
    );
    expect(needsMore.length).toBeGreaterThan(5);
    for (const [, { document }] of needsMore) {
      const variables = { project: 'demo', run, key: keyId };
      const used = Object.entries(variables).filter(([name]) => document?.includes(`$${name}`));
      const answer = await gateway.ask(document ?? '', Object.fromEntries(used), key);
      expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
  });

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
