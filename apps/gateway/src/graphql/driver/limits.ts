import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
} from 'graphql';
import { problem } from './errors.js';

export interface QueryLimits {
  readonly depthMax: number;
  readonly costMax: number;
  readonly aliasesMax: number;
  readonly tokensMax: number;
  readonly charsMax: number;
}

/** Fifteen levels are what introspection tools ask for. */
export const DEFAULT_LIMITS: QueryLimits = {
  depthMax: 15,
  costMax: 10_000,
  aliasesMax: 50,
  tokensMax: 2_000,
  charsMax: 100_000,
};
/** What a list counts for that neither takes a number nor declares one. */
const LIST_DEFAULT = 10;
/** What a connection gives when it is asked for no number. */
export const PAGE_DEFAULT = 50;

type Variables = Readonly<Record<string, unknown>>;

export type Measured =
  /** How many root fields it asks for, the same one by other names included. */
  | { readonly ok: true; readonly roots: number }
  | { readonly ok: false; readonly error: GraphQLError };

/** The whole operation, measured before it starts. Only for documents that are valid. */
export function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  limits: QueryLimits,
): Measured {
  const root = schema.getRootType(operation.operation);
  if (!root) throw new Error(`a valid document asks for a ${operation.operation}, which is none`);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const measured = new Measure(schema, fragments, variables, limits);
  const error = measured.of(operation.selectionSet, root);
  return error === undefined ? { ok: true, roots: measured.roots } : { ok: false, error };
}

class Measure {
  roots = 0;
  private cost = 0;
  private aliases = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    private readonly variables: Variables,
    private readonly limits: QueryLimits,
  ) {}

  of(
    set: SelectionSetNode,
    parent: GraphQLObjectType | undefined,
    depth = 1,
    times = 1,
  ): GraphQLError | undefined {
    const { depthMax } = this.limits;
    if (depth > depthMax) return exceeded('depth', depthMax, 'nests deeper than');
    for (const selection of set.selections) {
      let found: GraphQLError | undefined;
      if (selection.kind === Kind.FIELD) {
        found = this.field(selection, parent, depth, times);
      } else {
        const inner =
          selection.kind === Kind.INLINE_FRAGMENT
            ? selection
            : this.fragments.get(selection.name.value);
        const type = inner?.typeCondition?.name.value;
        const next = type === undefined ? parent : this.objectType(type);
        found = inner && this.of(inner.selectionSet, next, depth, times);
      }
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private field(
    node: FieldNode,
    parent: GraphQLObjectType | undefined,
    depth: number,
    times: number,
  ): GraphQLError | undefined {
    const { costMax, aliasesMax } = this.limits;
    if (node.alias !== undefined && ++this.aliases > aliasesMax) {
      return exceeded('aliases', aliasesMax, 'has more aliases than');
    }
    if (depth === 1) this.roots++;
    this.cost += times;
    if (this.cost > costMax) return exceeded('cost', costMax, 'asks for more values than');
    if (node.selectionSet === undefined) return undefined;
    const field = parent?.getFields()[node.name.value];
    const type = field && getNamedType(field.type);
    const next = type && (isObjectType(type) || isInterfaceType(type)) ? type : undefined;
    const isConnection = parent?.name.endsWith('Connection') === true;
    const isOwnList = field !== undefined && !isConnection && isListOfOurs(field);
    const more = field === undefined ? 1 : this.listSize(field, node, isOwnList);
    return this.of(node.selectionSet, next as GraphQLObjectType, depth + 1, times * more);
  }

  /**
   * A connection counts for what is asked of it, and its own lists are that; other lists for what
   * their field declares.
   */
  private listSize(
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
    isOwnList: boolean,
  ): number {
    const declared = field.extensions['listSize'];
    if (typeof declared === 'number') return declared;
    if (!field.args.some((arg) => arg.name === 'first')) return isOwnList ? LIST_DEFAULT : 1;
    const given = node.arguments?.find((arg) => arg.name.value === 'first')?.value;
    if (given === undefined) return PAGE_DEFAULT;
    const value =
      given.kind === Kind.VARIABLE
        ? this.variables[given.name.value]
        : given.kind === Kind.INT
          ? Number(given.value)
          : undefined;
    return typeof value === 'number' && value > 0 ? value : PAGE_DEFAULT;
  }

  private objectType(name: string): GraphQLObjectType | undefined {
    const type = this.schema.getType(name);
    return isObjectType(type) ? type : undefined;
  }
}

/** The schema's own lists are as long as they are for everybody: nobody makes them longer. */
function isListOfOurs({ type }: GraphQLField<unknown, unknown>): boolean {
  return isListType(getNullableType(type)) && !getNamedType(type).name.startsWith('__');
}

function exceeded(limit: string, max: number, verb: string): GraphQLError {
  const message = `The document ${verb} ${max}: ask for less at a time.`;
  return problem('COMPLEXITY_EXCEEDED', message, { limit, max });
}
