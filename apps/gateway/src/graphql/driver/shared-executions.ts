import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  Kind,
  execute,
  getOperationAST,
  visit,
} from 'graphql';
import { stringifyJson } from '#protocol';
import type { Viewer } from '../../auth/viewer.js';
import type { GraphqlContext } from './context.js';

/**
 * What becomes of one payload, made once for all subscriptions that are equal: the same rights,
 * document and variables. A payload that nobody else is given is executed as ever.
 */
export class SharedExecutions {
  private readonly ids = new WeakMap<DocumentNode, number>();
  private readonly made = new WeakMap<object, Map<string, Promise<ExecutionResult>>>();
  private newest = 0;

  of(args: ExecutionArgs): (payload: unknown) => Promise<ExecutionResult> {
    const key = this.keyOf(args);
    return (payload) => {
      const isObject = typeof payload === 'object' && payload !== null;
      if (!isObject) return run(args, payload);
      const made = this.made.get(payload) ?? new Map<string, Promise<ExecutionResult>>();
      this.made.set(payload, made);
      let result = made.get(key);
      if (result === undefined) {
        result = run(args, payload);
        made.set(key, result);
      }
      return result;
    };
  }

  private keyOf({ document, operationName, variableValues, contextValue }: ExecutionArgs): string {
    const { viewer } = contextValue as GraphqlContext;
    const place = placeOf(document, operationName);
    const variables = Object.entries(variableValues ?? {}).filter(([name]) => name !== place);
    return stringifyJson([
      this.idOf(document),
      operationName ?? null,
      rightsOf(viewer),
      variables.sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
  }

  private idOf(document: DocumentNode): number {
    const known = this.ids.get(document);
    if (known !== undefined) return known;
    this.newest++;
    this.ids.set(document, this.newest);
    return this.newest;
  }
}

const run = async (args: ExecutionArgs, payload: unknown): Promise<ExecutionResult> =>
  await execute({ ...args, rootValue: payload });

/** All of a viewer that an answer depends on. */
const rightsOf = ({ role, projects }: Viewer): unknown => [role, projects && [...projects].sort()];

/**
 * The variable that says where a subscription begins, and nothing else: what is made of a payload
 * is the same whatever it says.
 */
function placeOf(document: DocumentNode, operationName: unknown): string | undefined {
  const operation = getOperationAST(document, operationName as string | null | undefined);
  const [root] = operation?.selectionSet.selections ?? [];
  if (root?.kind !== Kind.FIELD) return undefined;
  const after = root.arguments?.find(({ name }) => name.value === 'after')?.value;
  if (after?.kind !== Kind.VARIABLE) return undefined;
  let uses = 0;
  visit(document, {
    Variable: ({ name }) => {
      if (name.value === after.name.value) uses++;
    },
  });
  // Its declaration, and this one.
  return uses === 2 ? after.name.value : undefined;
}
