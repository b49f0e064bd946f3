import { type ExecutionArgs, buildSchema, parse } from 'graphql';
import { expect, test } from 'vitest';
import type { Viewer } from '../../auth/viewer.js';
import { SharedExecutions } from './shared-executions.js';

const schema = buildSchema(`
  type Query { nothing: Int }
  type Frame { at: Int, log(after: String): String }
  type Subscription { frames(project: String, after: String): Frame }
`);
const WIDE = 'subscription ($project: String, $after: String)';
const PLAIN = parse(`${WIDE} { frames(project: $project, after: $after) { at } }`);
const NESTED = parse(`${WIDE} { frames(project: $project, after: $after) { log(after: $after) } }`);

/** How often a frame was executed for these two, who are given the same one. */
async function executions(one: Partial<ExecutionArgs>, two: Partial<ExecutionArgs>) {
  const shared = new SharedExecutions();
  let count = 0;
  const frame = {
    frames: () => {
      count++;
      return { at: 1, log: ({ after }: { after: string }) => after };
    },
  };
  const results = [];
  for (const own of [one, two]) {
    const args = { schema, document: PLAIN, contextValue: by({}), ...own };
    results.push(await shared.of(args)(frame));
  }
  return { count, results };
}
const by = ({ ...own }: Partial<Viewer>) => ({
  viewer: { id: 'a', name: 'a', role: 'VIEWER', projects: ['p', 'q'], expiresAt: null, ...own },
});
const vars = (variableValues: Record<string, unknown>) => ({ variableValues });

test('equal rights, document and variables are executed once, whoever asks', async () => {
  const { count, results } = await executions(
    { contextValue: by({ id: 'one' }), ...vars({ project: 'p' }) },
    { contextValue: by({ id: 'two', projects: ['q', 'p'] }), ...vars({ project: 'p' }) },
  );
  expect(count).toBe(1);
  expect(results[0]).toEqual({ data: { frames: { at: 1 } } });
  expect(results[1]).toBe(results[0]);
});

test('the place where each began is no difference', async () => {
  const { count } = await executions(vars({ after: 'x' }), vars({ after: 'y' }));
  expect(count).toBe(1);
});

test('but where it says more than that, it is', async () => {
  const { results } = await executions(
    { document: NESTED, ...vars({ after: 'x' }) },
    { document: NESTED, ...vars({ after: 'y' }) },
  );
  expect(results.map(({ data }) => data?.['frames'])).toEqual([{ log: 'x' }, { log: 'y' }]);
});

const OTHERS: Record<string, Partial<ExecutionArgs>> = {
  'another role': { contextValue: by({ role: 'ADMIN' }) },
  'fewer projects': { contextValue: by({ projects: ['p'] }) },
  'all projects': { contextValue: by({ projects: null }) },
  'other variables': vars({ project: 'q' }),
  'another document': { document: NESTED },
};
test.each(Object.entries(OTHERS))('%s is executed apart', async (_what, other) => {
  expect((await executions({}, other)).count).toBe(2);
});
