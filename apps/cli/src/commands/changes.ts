/** What stands at one path of two values; absent on the side where there is nothing. */
export interface Change {
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** Path by path, as deep as both sides go; paths are written as in errors: `retry.maxAttempts`. */
export function changesBetween(from: unknown, to: unknown, path = ''): Change[] {
  if (from === to) return [];
  if (!isBranch(from) || !isBranch(to) || Array.isArray(from) !== Array.isArray(to)) {
    return [{ path, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
  }
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  return [...keys].flatMap((key) => changesBetween(at(from, key), at(to, key), below(key)));
}

type Branch = Readonly<Record<string, unknown>>;

const isBranch = (value: unknown): value is Branch => typeof value === 'object' && value !== null;

/** A key may be called `constructor`. */
const at = (branch: Branch, key: string): unknown =>
  Object.hasOwn(branch, key) ? branch[key] : undefined;
