import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import { problem } from './errors.js';
import { type QueryLimits, measure } from './limits.js';

const DOCUMENTS_MAX = 1_000;
const ERRORS_MAX = 10;
/** Refusing a long text again costs less than keeping what somebody sends to fill the memory. */
const REMEMBERED_REFUSAL_CHARS = 10_000;

export interface GraphqlRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | null;
}
export type Prepared =
  | {
      readonly ok: true;
      readonly document: DocumentNode;
      readonly operation: OperationDefinitionNode;
      readonly roots: number;
    }
  | { readonly ok: false; readonly errors: readonly GraphQLError[] };

type Checked = DocumentNode | readonly GraphQLError[];
const isRefused = (checked: Checked): checked is readonly GraphQLError[] => Array.isArray(checked);

/** Parses and validates a text once, for HTTP and WebSocket alike; measures it at each call. */
export class Documents {
  private readonly checked = new Map<string, Checked>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly limits: QueryLimits,
  ) {}

  prepare(request: GraphqlRequest): Prepared {
    const { query, variables, operationName } = request;
    const checked = this.check(query);
    if (isRefused(checked)) return { ok: false, errors: checked };
    const operation = getOperationAST(checked, operationName);
    if (!operation) {
      const message = 'Say by operationName which operation of the document is meant.';
      return { ok: false, errors: [problem('BAD_REQUEST', message)] };
    }
    const measured = measure(this.schema, checked, operation, variables, this.limits);
    if (!measured.ok) return { ok: false, errors: [measured.error] };
    return { ok: true, document: checked, operation, roots: measured.roots };
  }

  private check(query: string): Checked {
    const known = this.checked.get(query);
    // The oldest leave first; what is used again becomes the youngest.
    if (known !== undefined) this.checked.delete(query);
    const checked = known ?? this.checkAnew(query);
    if (isRefused(checked) && query.length > REMEMBERED_REFUSAL_CHARS) return checked;
    this.checked.set(query, checked);
    if (this.checked.size > DOCUMENTS_MAX) {
      for (const oldest of this.checked.keys()) {
        this.checked.delete(oldest);
        break;
      }
    }
    return checked;
  }

  private checkAnew(query: string): Checked {
    const { charsMax, tokensMax } = this.limits;
    if (query.length > charsMax) {
      const message = `The document has more than ${charsMax} characters: use variables.`;
      return [problem('COMPLEXITY_EXCEEDED', message, { limit: 'chars', max: charsMax })];
    }
    try {
      const document = parse(query, { maxTokens: tokensMax });
      const errors = validate(this.schema, document, undefined, { maxErrors: ERRORS_MAX });
      return errors.length === 0 ? document : errors.map(asInvalid);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      if (!error.message.includes('tokens')) return [asInvalid(error)];
      const message = `The document has more than ${tokensMax} words: use variables.`;
      return [problem('COMPLEXITY_EXCEEDED', message, { limit: 'tokens', max: tokensMax })];
    }
  }
}

function asInvalid(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions } = error;
  const extensions = { code: 'GRAPHQL_VALIDATION_FAILED' };
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions,
  });
}
