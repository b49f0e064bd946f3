import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import type { Role } from '../graphql/schema/enums.js';

/** What a caller without the project gets, who names something of it. */
export type Foreign =
  /** It belongs to no project. */
  | 'none'
  | 'null'
  | 'error NOT_FOUND'
  | 'userError NOT_FOUND'
  /** It names nothing, and answers only with what the viewer may see. */
  | 'only own';
export interface Root {
  readonly role: Role;
  readonly foreign: Foreign;
  /** With `$project`, `$job`, `$spare` (a job to be deleted), `$run` and `$key`. */
  readonly args?: string;
  /** What an own call gets where that is no success: the thing was made to refuse it. */
  readonly own?: string;
}

/** Every query, mutation and subscription. A new one fails the tests until it stands here. */
export const ROOTS: Readonly<Record<string, Root>> = {
  'Query.viewer': { role: 'VIEWER', foreign: 'only own' },
  'Query.projects': { role: 'VIEWER', foreign: 'only own' },
  'Query.cluster': { role: 'VIEWER', foreign: 'none' },
  'Query.executor': { role: 'VIEWER', foreign: 'none', args: 'id: "nobody"', own: 'null' },
  'Query.executors': { role: 'VIEWER', foreign: 'none' },
  'Query.pools': { role: 'VIEWER', foreign: 'none' },
  'Query.project': { role: 'VIEWER', foreign: 'null', args: 'name: $project' },
  'Query.job': { role: 'VIEWER', foreign: 'null', args: 'project: $project, name: $job' },
  'Query.run': { role: 'VIEWER', foreign: 'null', args: 'id: $run' },
  ...Object.fromEntries(
    ['jobs', 'runs', 'bulks'].map((name) => {
      const args = 'project: $project';
      return [`Query.${name}`, { role: 'VIEWER', foreign: 'error NOT_FOUND', args }];
    }),
  ),
  'Mutation.submitRun': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { project: $project, job: $job }',
  },
  'Mutation.submitRuns': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { project: $project, items: [{ project: $project, job: $job }] }',
  },
  'Mutation.cancelRun': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { id: $run }',
    own: 'userError RUN_FINAL',
  },
  ...Object.fromEntries(
    [
      ['pauseRun', ''],
      ['resumeRun', ''],
      ['updateRun', ', priority: 1'],
    ].map(([name, more]) => {
      const about = { role: 'OPERATOR', foreign: 'userError NOT_FOUND' };
      const args = `input: { id: $run${more} }`;
      return [`Mutation.${name}`, { ...about, args, own: 'userError RUN_FINAL' }];
    }),
  ),
  ...Object.fromEntries(
    ['retryRun', 'cloneRun', 'markRun'].map((name) => {
      const more = name === 'markRun' ? ', as: SKIPPED, reason: "x"' : '';
      const args = `input: { id: $run${more} }`;
      return [`Mutation.${name}`, { role: 'OPERATOR', foreign: 'userError NOT_FOUND', args }];
    }),
  ),
  // There is none of that id: `bulk.test.ts` looks at one that belongs to somebody else.
  'Query.bulk': { role: 'VIEWER', foreign: 'null', args: 'id: $run', own: 'null' },
  'Mutation.cancelBulk': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { id: $run }',
    own: 'userError NOT_FOUND',
  },
  'Mutation.bulkRuns': {
    role: 'OPERATOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { project: $project, filter: {}, action: CANCEL, dryRun: true }',
  },
  'Mutation.applyJob': {
    role: 'EDITOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { project: $project, name: $job, spec: { kind: "function", name: "noop" } }',
  },
  'Mutation.rollbackJob': {
    role: 'EDITOR',
    foreign: 'userError NOT_FOUND',
    args: 'input: { project: $project, name: $job, toVersion: 1 }',
  },
  ...Object.fromEntries(
    [
      ['pauseJob', 'OPERATOR', '$spare'],
      ['resumeJob', 'OPERATOR', '$job'],
      ['deleteJob', 'EDITOR', '$spare'],
    ].map(([name, role, job]) => {
      const args = `input: { project: $project, name: ${job} }`;
      return [`Mutation.${name}`, { role, foreign: 'userError NOT_FOUND', args }];
    }),
  ),
  ...Object.fromEntries(
    ['drainExecutor', 'cordonExecutor', 'activateExecutor'].map((name) => {
      // An executor serves every project, and so must its key.
      const who = { role: 'ADMIN', foreign: 'none', own: 'error FORBIDDEN' } as const;
      return [`Mutation.${name}`, { ...who, args: 'input: { id: "nobody" }' }];
    }),
  ),
  'Mutation.createProject': {
    role: 'ADMIN',
    foreign: 'none',
    args: 'input: { name: "made" }',
    // Whatever its role in some projects: only a key for all of them makes new ones.
    own: 'error FORBIDDEN',
  },
  ...Object.fromEntries(
    [
      ['updateProject', 'name: $project, description: "x"'],
      ['createApiKey', 'name: "x", projects: [$project], role: VIEWER'],
      ['revokeApiKey', 'id: $key'],
    ].map(([name, more]) => {
      const about = { role: 'ADMIN', foreign: 'userError NOT_FOUND' };
      return [`Mutation.${name}`, { ...about, args: `input: { ${more} }` }];
    }),
  ),
  'Subscription.runEvents': {
    role: 'VIEWER',
    foreign: 'error NOT_FOUND',
    args: 'project: $project',
  },
  'Subscription.fleetChanged': { role: 'VIEWER', foreign: 'none' },
  'Subscription.poolChanged': { role: 'VIEWER', foreign: 'none', args: 'name: "default"' },
  'Subscription.runChanged': { role: 'VIEWER', foreign: 'error NOT_FOUND', args: 'id: $run' },
  'Subscription.runLog': { role: 'VIEWER', foreign: 'error NOT_FOUND', args: 'run: $run' },
};

const VARIABLES = {
  project: 'String!',
  job: 'String!',
  spare: 'String!',
  run: 'ID!',
  key: 'ID!',
} as const;
export type Place = Readonly<Record<keyof typeof VARIABLES, string>>;

type Field = GraphQLField<unknown, unknown>;
const ROOT_TYPES = ['Query', 'Mutation', 'Subscription'] as const;

export function rootsOf(schema: GraphQLSchema): (readonly [name: string, field: Field])[] {
  return ROOT_TYPES.flatMap((type) =>
    fieldsOf(schema.getType(type)).map((field) => [`${type}.${field.name}`, field] as const),
  );
}

/** The names of the fields that lead from one object to another. */
export function nestedOf(schema: GraphQLSchema): string[] {
  const isRoot = (name: string): boolean => ROOT_TYPES.some((type) => type === name);
  const types = Object.values(schema.getTypeMap()).filter(
    ({ name }) =>
      !name.startsWith('__') && !isRoot(name) && !/(Edge|Connection|Payload)$/.test(name),
  );
  return types.flatMap((type) => stepsFrom(type).map((field) => `${type.name}.${field.name}`));
}

export interface Asked {
  readonly query: string;
  readonly isSubscription: boolean;
  readonly variables: (place: Place) => Partial<Place>;
}

/** A root field, and below it what `path` leads to: there every value that needs no argument. */
export function documentOf(
  schema: GraphQLSchema,
  root: string,
  path: readonly string[] = [],
): Asked {
  const [type = '', name = ''] = root.split('.');
  const { args } = ROOTS[root] ?? {};
  const field = fieldsOf(schema.getType(type)).find((each) => each.name === name);
  if (field === undefined) throw new Error(`the schema has no ${root}`);
  const used = Object.entries(VARIABLES).filter(([each]) => args?.includes(`$${each}`));
  const declared = used.map(([each, of]) => `$${each}: ${of}`).join(', ');
  const head = `${type.toLowerCase()} ${declared === '' ? '' : `(${declared})`}`;
  return {
    query: `${head} { ${called(field, args)} ${selection(getNamedType(field.type), path)} }`,
    isSubscription: type === 'Subscription',
    variables: (place) =>
      Object.fromEntries(used.map(([each]) => [each, place[each as keyof Place]])),
  };
}

/** The shortest way to every nested field that this root leads to. */
export function pathsFrom(root: Field): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const open: { type: unknown; path: readonly string[] }[] = [{ type: nodeOf(root), path: [] }];
  for (let at = open.shift(); at !== undefined; at = open.shift()) {
    for (const field of stepsFrom(at.type)) {
      const name = `${(at.type as GraphQLObjectType).name}.${field.name}`;
      if (found.has(name)) continue;
      const path = [...at.path, field.name];
      found.set(name, path);
      open.push({ type: nodeOf(field), path });
    }
  }
  return found;
}

function selection(type: unknown, [next, ...rest]: readonly string[]): string {
  if (!isObjectType(type)) return '';
  if (type.name.endsWith('Connection'))
    return `{ nodes ${selection(nodeType(type), pathOf(next, rest))} }`;
  if (type.name.endsWith('Payload')) return payload(type);
  if (next === undefined) return `{ __typename ${leavesOf(type).join(' ')} }`;
  const field = type.getFields()[next];
  if (field === undefined) throw new Error(`${type.name} has no ${next}`);
  return `{ ${called(field)} ${selection(getNamedType(field.type), rest)} }`;
}

/** Few of each list: the cost of what may be nested in it is not what is asked about. */
function called(field: Field, args?: string): string {
  const few = field.args.some(({ name }) => name === 'first') ? ['first: 3'] : [];
  const all = [...(args === undefined ? [] : [args]), ...few];
  return all.length === 0 ? field.name : `${field.name}(${all.join(', ')})`;
}

const pathOf = (next: string | undefined, rest: readonly string[]): readonly string[] =>
  next === undefined ? [] : [next, ...rest];

function payload(type: GraphQLObjectType): string {
  const { results } = type.getFields();
  const inner = results === undefined ? '' : `results ${selection(getNamedType(results.type), [])}`;
  return `{ ${inner} userErrors { code path message hint } }`;
}

const leavesOf = (type: GraphQLObjectType): string[] =>
  fieldsOf(type)
    .filter((field) => isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument))
    .map(({ name }) => name);

function fieldsOf(type: unknown): Field[] {
  return isObjectType(type) ? Object.values(type.getFields()) : [];
}
const stepsFrom = (type: unknown): Field[] =>
  fieldsOf(type).filter((field) => {
    const to = getNamedType(field.type);
    return isObjectType(to) && to.name !== 'PageInfo';
  });

/** A connection is passed through: its nodes are what the field leads to. */
function nodeOf(field: Field): unknown {
  const type = getNamedType(field.type);
  return type.name.endsWith('Connection') ? nodeType(type) : type;
}
function nodeType(connection: unknown): unknown {
  const nodes = fieldsOf(connection).find(({ name }) => name === 'nodes');
  return nodes && getNamedType(nodes.type);
}
