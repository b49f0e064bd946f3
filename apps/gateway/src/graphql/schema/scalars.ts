import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { markValue } from '#protocol';
import { formatDuration } from '#config';

/** In our code a time is a number of milliseconds since 1970, by the database's clock. */
export const DateTimeScalar = new GraphQLScalarType<number, string>({
  name: 'DateTime',
  description: 'A time in UTC with milliseconds, as `2026-07-01T12:00:00.000Z`.',
  serialize: (value) => new Date(Number(value)).toISOString(),
  parseValue: (value) => readTime(value),
  parseLiteral: (node) => readTime(node.kind === Kind.STRING ? node.value : undefined),
});

const TIME_SHAPE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function readTime(value: unknown): number {
  const at = typeof value === 'string' && TIME_SHAPE.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new GraphQLError('A DateTime is written 2026-07-01T12:00:00.000Z, with its zone.');
  }
  return at;
}

/** Its text is checked where the input is, so that a wrong one is a user error with its path. */
export const DurationScalar = new GraphQLScalarType<string, string>({
  name: 'Duration',
  description: 'A length of time, as `250ms`, `90s`, `1h30m` or `7d`.',
  serialize: (value) => formatDuration(Math.round(Number(value))),
  parseValue: (value) => readText('Duration', value),
  parseLiteral: (node) => readText('Duration', node.kind === Kind.STRING ? node.value : undefined),
});

export const CursorScalar = new GraphQLScalarType<string, string>({
  name: 'Cursor',
  description: 'A place to go on from: given back as it was received, and not to be looked into.',
  serialize: String,
  parseValue: (value) => readText('Cursor', value),
  parseLiteral: (node) => readText('Cursor', node.kind === Kind.STRING ? node.value : undefined),
});

function readText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new GraphQLError(`A ${name} is written as a string.`);
}

export const JsonScalar = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description:
    'Any JSON value. Integers of any length survive, in and out; other numbers are doubles.',
  // Whatever way the answer takes, it is written by JSON.stringify and then unmarked.
  serialize: markValue,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => readLiteral(node, variables ?? {}),
});

function readLiteral(node: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.ENUM:
      throw new GraphQLError(`${node.value} is no JSON value: write it in quotes.`);
    case Kind.INT: {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : BigInt(node.value);
    }
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((value) => readLiteral(value, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, readLiteral(field.value, variables)]),
      );
    case Kind.NULL:
      return null;
    case Kind.VARIABLE:
      return variables[node.name.value] ?? null;
    default: {
      const never: never = node;
      return never;
    }
  }
}
