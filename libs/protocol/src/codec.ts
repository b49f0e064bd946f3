/**
 * Positional codecs: an item travels as `[letter, field, field, …]`. One table per direction says
 * letters, fields and types; encoder, decoder and the published schemas are made from it.
 */
export interface Field<T> {
  readonly name: string;
  /** Undefined: the value is not of this type. */
  read(value: unknown): T | undefined;
  write(value: T): unknown;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type Shape<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };
type Table = Readonly<Record<string, { readonly letter: string; readonly fields: Fields }>>;
export type ItemOf<T extends Table> = {
  [K in keyof T]: { readonly kind: K } & Shape<T[K]['fields']>;
}[keyof T];

const plain = <T>(name: string, is: (value: unknown) => value is T): Field<T> => ({
  name,
  read: (value) => (is(value) ? value : undefined),
  write: (value) => value,
});

const isText = (v: unknown): v is string => typeof v === 'string';
const isInteger = (v: unknown): v is number => Number.isSafeInteger(v);
const isReal = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v);

export const text: Field<string> = plain('text', isText);
export const integer: Field<number> = plain('integer', isInteger);
export const real: Field<number> = plain('real', isReal);
export const flag: Field<boolean> = plain('flag', (v) => typeof v === 'boolean');

/** One of a closed set of words. */
export function word<const W extends string>(...words: readonly W[]): Field<W> {
  const known: ReadonlySet<string> = new Set(words);
  return plain(`word(${words.join('|')})`, (v): v is W => isText(v) && known.has(v));
}

/** `null` on the wire and in the code. */
export function optional<T>(field: Field<T>): Field<T | null> {
  return {
    name: `${field.name}?`,
    read: (value) => (value === null || value === undefined ? null : field.read(value)),
    write: (value) => (value === null ? null : field.write(value)),
  };
}

export function list<T>(field: Field<T>, max: number): Field<readonly T[]> {
  return {
    name: `list(${field.name})`,
    read(value) {
      if (!Array.isArray(value) || value.length > max) return undefined;
      const items: T[] = [];
      for (const entry of value) {
        const item = field.read(entry);
        if (item === undefined) return undefined;
        items.push(item);
      }
      return items;
    },
    write: (value) => value.map((item) => field.write(item)),
  };
}

/** A nested positional array with named fields. */
export function tuple<const F extends Fields>(name: string, fields: F): Field<Shape<F>> {
  const entries = Object.entries(fields);
  return {
    name,
    read: (value) =>
      Array.isArray(value) ? (readFields(entries, value, 0) as Shape<F>) : undefined,
    write: (value) => entries.map(([key, field]) => field.write(value[key as keyof F])),
  };
}

function readFields(
  entries: readonly (readonly [string, Field<unknown>])[],
  values: readonly unknown[],
  from: number,
): Record<string, unknown> | undefined {
  const shape: Record<string, unknown> = {};
  for (let i = 0; i < entries.length; i++) {
    const [key, field] = entries[i] as readonly [string, Field<unknown>];
    const value = field.read(values[from + i]);
    if (value === undefined) return undefined;
    shape[key] = value;
  }
  return shape;
}

export interface Codec<I> {
  encode(item: I): unknown[];
  /** Undefined: no item of this table. More fields than known are a newer sender's: ignored. */
  decode(value: unknown): I | undefined;
}

export function codec<const T extends Table>(table: T): Codec<ItemOf<T>> {
  const byKind = new Map<
    string,
    readonly [string, readonly (readonly [string, Field<unknown>])[]]
  >();
  const byLetter = new Map<
    string,
    readonly [string, readonly (readonly [string, Field<unknown>])[]]
  >();
  for (const [kind, { letter, fields }] of Object.entries(table)) {
    const entries = Object.entries(fields);
    if (byLetter.has(letter)) throw new Error(`two kinds share the letter ${letter}`);
    byKind.set(kind, [letter, entries]);
    byLetter.set(letter, [kind, entries]);
  }
  return {
    encode(item) {
      const [letter, entries] = byKind.get(item.kind as string) ?? ['?', []];
      const values: unknown[] = [letter];
      const shape = item as Readonly<Record<string, unknown>>;
      for (const [key, field] of entries) values.push(field.write(shape[key]));
      return values;
    },
    decode(value) {
      if (!Array.isArray(value)) return undefined;
      const known = byLetter.get(value[0] as string);
      if (known === undefined) return undefined;
      const shape = readFields(known[1], value, 1);
      if (shape === undefined) return undefined;
      shape['kind'] = known[0];
      return shape as ItemOf<T>;
    },
  };
}
