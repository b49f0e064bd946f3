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

/** Compiled schemas by the version of the job that they belong to; a version never changes. */
export class ParamsChecker {
  private readonly compiled = new Map<string, ValidateFunction>();

  check(version: string, schema: unknown, params: unknown, path: Path): UserError[] {
    let validate = this.compiled.get(version);
    if (validate === undefined) {
      validate = compile(schema);
      if (this.compiled.size >= COMPILED_MAX) this.compiled.clear();
      this.compiled.set(version, validate);
    }
    // Left out counts as empty: "city is missing" says more than "null is no object".
    if (validate(asDoubles(params ?? {}))) return [];
    return (validate.errors ?? []).slice(0, VIOLATIONS_MAX).map((error) => violation(error, path));
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
  return userError('INVALID_PARAMS', at, `${at.join('.')} ${error.message ?? 'is not valid'}.`);
}

/** A schema's numbers are doubles; what is stored keeps its digits. */
function asDoubles(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(asDoubles);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asDoubles(inner)]));
}
