/**
 * JSON whose integers survive. Node 20 reads every number as a double; an integer beyond 2^53 is
 * read here as a bigint and written back digit by digit. Other numbers (1e400, twenty decimals)
 * become doubles, as everywhere. A text without a long row of digits costs one search.
 */
const LONG_DIGITS = /\d{16}/;
/** A string that nobody ends goes to the end: else each quote in it would be looked behind anew. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const INTEGER = /^-?\d+$/;

/** Nobody outside can know it, so nobody can write a string that is taken for a number. */
const MARK = `big:${crypto.randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

export function markBigIntegers(text: string): string {
  if (!LONG_DIGITS.test(text)) return text;
  return text.replace(TOKEN, (token) => {
    if (token.length < 16 || !INTEGER.test(token)) return token;
    return Number.isSafeInteger(Number(token)) ? token : `"${MARK}${token}"`;
  });
}

/** For JSON.parse of a marked text. */
export function reviveBigInteger(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK)
    ? BigInt(value.slice(MARK.length))
    : value;
}

export function parseJson(text: string): unknown {
  const marked = markBigIntegers(text);
  return marked === text ? JSON.parse(text) : JSON.parse(marked, reviveBigInteger);
}

/** The value with its large integers marked; what is written of it goes through `unmark…`. */
export function markValue(value: unknown): unknown {
  if (typeof value === 'bigint') return `${MARK}${value}`;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(markValue);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, markValue(inner)]));
}

export function unmarkBigIntegers(text: string): string {
  return text.includes(MARK) ? text.replace(MARKED, '$1') : text;
}

export function stringifyJson(value: unknown, indent?: number): string {
  return unmarkBigIntegers(JSON.stringify(markValue(value), null, indent) ?? 'null');
}
