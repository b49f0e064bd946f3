import {
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  createSourceEventStream,
  execute,
} from 'graphql';
import type { Viewer } from '../../auth/viewer.js';
import type { Stream } from '../../live/pull.js';
import type { Logger } from '#telemetry';
import type { GraphqlContext } from './context.js';
import { Documents, type GraphqlRequest, type Prepared } from './documents.js';
import { formatError, internal, problem } from './errors.js';
import type { KeyLimits } from './key-limits.js';
import type { QueryLimits } from './limits.js';
import { SharedExecutions } from './shared-executions.js';
import { type Listener, type Telling, told } from './told.js';

/** A mutation waits 8 s for the database or 5 s for an answer; then it is told so. */
const OPERATION_MS = 15_000;

export interface OperationsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: QueryLimits;
  readonly keyLimits: KeyLimits;
  readonly contextOf: (viewer: Viewer) => GraphqlContext;
  readonly log: Logger;
}

export interface FormattedResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFormattedError[];
}

/** One way for every operation, whichever transport it came by. */
export class Operations {
  private readonly documents: Documents;
  private readonly executions = new SharedExecutions();

  constructor(private readonly options: OperationsOptions) {
    this.documents = new Documents(options.schema, options.limits);
  }

  /** Whether the key may ask for anything now, before it is known what it asks for. */
  admit(viewer: Viewer): GraphQLError | undefined {
    return this.options.keyLimits.take(viewer.id);
  }

  prepare(request: GraphqlRequest, viewer: Viewer): Prepared {
    const prepared = this.documents.prepare(request);
    // Fifty root fields in one document are fifty operations.
    if (prepared.ok) this.options.keyLimits.owe(viewer.id, prepared.roots - 1);
    return prepared;
  }

  argsOf(
    prepared: Extract<Prepared, { ok: true }>,
    request: GraphqlRequest,
    viewer: Viewer,
  ): ExecutionArgs {
    return {
      schema: this.options.schema,
      document: prepared.document,
      variableValues: request.variables,
      operationName: request.operationName,
      contextValue: this.options.contextOf(viewer),
    };
  }

  async execute(args: ExecutionArgs): Promise<ExecutionResult> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ExecutionResult>((resolve) => {
      timer = setTimeout(() => {
        const message =
          `The operation took longer than ${OPERATION_MS / 1_000} s. ` +
          'If it changes something, it may still do so: repeat it with its idempotencyKey.';
        resolve({ errors: [problem('OPERATION_TIMEOUT', message)] });
      }, OPERATION_MS);
    });
    try {
      return await Promise.race([execute(args), late]);
    } catch (error) {
      return { errors: [this.asGraphql(error)] };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Its results go to the listener: what is returned only ends. */
  async subscribe(args: ExecutionArgs, listener: Listener): Promise<Telling | ExecutionResult> {
    const { viewer } = args.contextValue as GraphqlContext;
    const end = this.options.keyLimits.follow(viewer.id);
    if (end instanceof GraphQLError) return { errors: [end] };
    try {
      const source = await createSourceEventStream(args);
      if (Symbol.asyncIterator in source) {
        // Every subscription of ours answers with one: `mapStream`.
        return told(source as Stream<unknown>, this.executions.of(args), listener, end);
      }
      end();
      return source;
    } catch (error) {
      end();
      throw error;
    }
  }

  format(result: ExecutionResult): FormattedResult {
    const { data, errors } = result;
    if (errors === undefined) return { data };
    const formatted = errors.map((error) => this.formatError(error));
    return data === undefined ? { errors: formatted } : { data, errors: formatted };
  }

  formatError(error: GraphQLError): GraphQLFormattedError {
    return formatError(this.options.log, error);
  }

  private asGraphql(error: unknown): GraphQLError {
    return error instanceof GraphQLError ? error : internal(this.options.log, error);
  }
}
