import type { Type } from '@nestjs/common';
import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { problem } from '../driver/errors.js';
import { PAGE_DEFAULT } from '../driver/limits.js';
import { CursorScalar } from './scalars.js';

export const PAGE_MAX = 200;

@ObjectType({ description: 'Where a page ends.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether another page follows.' })
  readonly hasNextPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Give it as `after` for the next page.' })
  readonly endCursor!: string | null;
}

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many at most: 1 to ${PAGE_MAX}, ${PAGE_DEFAULT} when left out.`,
  })
  readonly first?: number | null;

  @Field(() => CursorScalar, {
    nullable: true,
    description: 'The `endCursor` of the page before.',
  })
  readonly after?: string | null;
}

export interface EdgeOf<T> {
  readonly node: T;
  readonly cursor: string;
}
export interface ConnectionOf<T> {
  readonly nodes: readonly T[];
  readonly edges: readonly EdgeOf<T>[];
  readonly pageInfo: PageInfo;
}

/** A Relay connection type for a node type; `name` without the word Connection. */
export function connectionType<T>(node: () => Type<T>, name: string): Type<ConnectionOf<T>> {
  @ObjectType(`${name}Edge`, { description: 'An item of a page, and its place.' })
  class Edge implements EdgeOf<T> {
    @Field(node, { description: 'The item.' })
    readonly node!: T;

    @Field(() => String, { description: 'Give it as `after` to go on behind this item.' })
    readonly cursor!: string;
  }
  @ObjectType(`${name}Connection`, { description: 'A page of a list.' })
  class Connection implements ConnectionOf<T> {
    @Field(() => [node()], { description: 'The items of this page.' })
    readonly nodes!: readonly T[];

    @Field(() => [Edge], { description: 'The items of this page, each with its cursor.' })
    readonly edges!: readonly Edge[];

    @Field(() => PageInfo, { description: 'Where this page ends.' })
    readonly pageInfo!: PageInfo;
  }
  return Connection;
}

export function pageSize(first: number | null | undefined): number {
  if (first === null || first === undefined) return PAGE_DEFAULT;
  if (first >= 1 && first <= PAGE_MAX) return first;
  throw problem('BAD_USER_INPUT', `first is ${first}: ask for 1 to ${PAGE_MAX} at a time.`);
}

/** Made of one item more than was asked for, which only says that there is more. */
export function pageOf<S, T>(
  found: readonly S[],
  size: number,
  node: (item: S) => T,
  cursor: (item: S) => string,
): ConnectionOf<T> {
  const edges = found.slice(0, size).map((item) => ({ node: node(item), cursor: cursor(item) }));
  return {
    edges,
    nodes: edges.map((edge) => edge.node),
    pageInfo: { hasNextPage: found.length > size, endCursor: edges.at(-1)?.cursor ?? null },
  };
}

/** Opaque on purpose: what is in a cursor may change. `kind` keeps one list's from another's. */
export function encodeCursor(kind: string, ...parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([kind, ...parts])).toString('base64url');
}

/** Undefined: no cursor was given. One that is not of this list is the caller's error. */
export function decodeCursor(
  kind: string,
  cursor: string | null | undefined,
  isSound: (parts: readonly unknown[]) => boolean,
): readonly unknown[] | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(value) && value[0] === kind && isSound(value.slice(1))) return value.slice(1);
  } catch {
    // not even JSON: refused below
  }
  const message =
    'The cursor is not one of this list: give `endCursor` or `cursor` back unchanged.';
  throw problem('BAD_CURSOR', message);
}
