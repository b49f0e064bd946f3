import vm from 'node:vm';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';

/** Semantics §7.6. */
export const PARAMS_BYTES_MAX = 256 * 1_024;
const COMPILED_MAX = 500;
const VIOLATIONS_MAX = 20;

/** One for each schema, so that what one schema calls itself cannot disturb another's. */
function compile(schema: unknown): ValidateFunction {
  const options = {
    allErrors: true,
    strict: false,
    validateFormats: false,
    logger: false,
  } as const;
  // Which draft it names matters less than that it is understood: the newest reads them all.
  const { $schema: _draft, ...rest } = schema as Record<string, unknown>;
  return new Ajv2020(options).compile(rest);
}

export function checkSchema(schema: unknown, path: Path): UserError[] {
  const refuse = (why: string): UserError[] => [
    userError('INVALID_SCHEMA', path, `params must be a JSON Schema: ${why}.`),
  ];
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return refuse('an object such as {"type": "object", "required": ["city"]}');
  }
  try {
    compile(schema);
    return [];
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** What may take much longer than its value is large: regular expressions, and going round. */
const DEAR_KEYWORDS: ReadonlySet<string> = new Set([
  ...['pattern', 'patternProperties', 'uniqueItems'],
  ...['$ref', '$dynamicRef', '$recursiveRef'],
]);
const CHECK_MS_MAX = 200;
const TURN_MS_MAX = 1_000;

const isDear = (schema: unknown): boolean =>
  typeof schema === 'object' &&
  schema !== null &&
  Object.entries(schema).some(([key, inner]) => DEAR_KEYWORDS.has(key) || isDear(inner));

interface Compiled {
  readonly validate: ValidateFunction;
  readonly isDear: boolean;
}

/** Compiled schemas by the version of the job that they belong to; a version never changes. */
export class ParamsChecker {
  private readonly compiled = new Map<string, Compiled>();
  private readonly bounded = new BoundedCheck();

  check(version: string, schema: unknown, params: unknown, path: Path): UserError[] {
    let compiled = this.compiled.get(version);
    if (compiled === undefined) {
      compiled = { validate: compile(schema), isDear: isDear(schema) };
      if (this.compiled.size >= COMPILED_MAX) this.compiled.clear();
      this.compiled.set(version, compiled);
    }
    const { validate } = compiled;
    // Left out counts as empty: "city is missing" says more than "null is no object".
    const value = asDoubles(params ?? {});
    const isValid = compiled.isDear ? this.bounded.run(() => validate(value)) : validate(value);
    if (isValid === true) return [];
    if (isValid === 'late') {
      const message = "They take too long to check against the job's schema.";
      const hint = 'Simplify its pattern or uniqueItems, or send less at a time.';
      return [userError('INVALID_PARAMS', path, message, hint)];
    }
    return (validate.errors ?? []).slice(0, VIOLATIONS_MAX).map((error) => violation(error, path));
  }
}

/** One tenant's schema must not stop everybody: a virtual machine's clock ends it in the middle. */
class BoundedCheck {
  private readonly box: { run: () => boolean } = vm.createContext({ run: () => true }) as never;
  private readonly script = new vm.Script('run()');
  private spentMs = 0;

  run(check: () => boolean): boolean | 'late' {
    const left = Math.floor(TURN_MS_MAX - this.spentMs);
    if (left <= 0) return 'late';
    // Of one turn of the loop: thousands of items are checked in one.
    if (this.spentMs === 0) setImmediate(() => (this.spentMs = 0));
    const began = performance.now();
    this.box.run = check;
    try {
      const timeout = Math.min(left, CHECK_MS_MAX);
      return this.script.runInContext(this.box, { timeout }) as boolean;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'late';
      throw error;
    } finally {
      this.spentMs += performance.now() - began;
    }
  }
}

function violation(error: ErrorObject, path: Path): UserError {
  const inner = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty, additionalProperty } = error.params as Record<string, string>;
  const named = missingProperty ?? additionalProperty;
  const at = named === undefined ? [...path, ...inner] : [...path, ...inner, named];
  let why = error.message ?? 'is not valid';
  // Its own words are about the object round it.
  if (missingProperty !== undefined) why = 'is missing';
  else if (additionalProperty !== undefined) why = 'is not allowed';
  return userError('INVALID_PARAMS', at, `${at.join('.')} ${why}.`);
}

/** A schema's numbers are doubles; what is stored keeps its digits. */
function asDoubles(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(asDoubles);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asDoubles(inner)]));
}
