import { Field, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'Something about the input that its sender can mend.' })
export class UserError {
  @Field(() => String, { description: 'A stable word for programs.' })
  readonly code!: string;

  @Field(() => [String], { description: 'Where in the input, from the outside in.' })
  readonly path!: readonly string[];

  @Field(() => String, { description: 'What is wrong and what to do, for people.' })
  readonly message!: string;

  @Field(() => String, { nullable: true, description: 'What may have been meant.' })
  readonly hint!: string | null;
}

export type Path = readonly string[];

export function userError(
  code: string,
  path: Path,
  message: string,
  hint: string | null = null,
): UserError {
  return { code, path, message, hint };
}

export const notFoundError = (path: Path, what: string): UserError =>
  userError('NOT_FOUND', path, `${what} does not exist, or this key may not see it.`);

const SURROGATE = /\p{Surrogate}/u;

const DEPTH_MAX = 100;

/** Nearly everything is whole: that is found out without a path for each member. */
function isWhole(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return !SURROGATE.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth > DEPTH_MAX) return false;
  for (const key of Object.keys(value)) {
    if (SURROGATE.test(key)) return false;
    if (!isWhole((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return false;
  }
  return true;
}

/** A lone surrogate is no text: it can be neither stored nor sent. Nor is a bottomless value. */
export function findBrokenStrings(value: unknown, path: Path = []): UserError[] {
  return isWhole(value, path.length) ? [] : broken(value, path);
}

function broken(value: unknown, path: Path): UserError[] {
  if (typeof value === 'string') {
    if (!SURROGATE.test(value)) return [];
    return [userError('INVALID_STRING', path, 'The text holds half a character (a surrogate).')];
  }
  if (typeof value !== 'object' || value === null) return [];
  if (path.length > DEPTH_MAX) {
    const message = `Values are nested at most ${DEPTH_MAX} levels deep.`;
    return [userError('TOO_DEEP', path.slice(0, 3), message)];
  }
  const errors: UserError[] = [];
  for (const [key, member] of Object.entries(value)) {
    const isBroken = SURROGATE.test(key);
    if (isBroken) {
      errors.push(userError('INVALID_STRING', path, 'A key holds half a character (a surrogate).'));
    }
    errors.push(...broken(member, [...path, isBroken ? '?' : key]));
  }
  return errors;
}
