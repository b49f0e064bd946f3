import { nearest, parseDuration } from '#config';
import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';

export type Members = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads the members of one object and collects everything that is wrong with them. */
export class Fields {
  constructor(
    private readonly members: Members,
    private readonly path: Path,
    private readonly errors: UserError[],
  ) {}

  refuse(name: string, code: string, message: string, hint: string | null = null): void {
    this.errors.push(userError(code, [...this.path, name], message, hint));
  }

  /** `later`: names that the API will know, each told apart from a slip of the fingers. */
  only(known: readonly string[], later: ReadonlySet<string> = new Set()): void {
    for (const name of Object.keys(this.members)) {
      if (known.includes(name)) continue;
      if (later.has(name)) {
        this.refuse(name, 'UNSUPPORTED_FIELD', `${name} is not supported yet: leave it out.`);
        continue;
      }
      const meant = nearest(name, known);
      const hint =
        meant === undefined ? `Known are ${known.join(', ')}.` : `Did you mean ${meant}?`;
      this.refuse(name, 'UNKNOWN_FIELD', `There is no field ${JSON.stringify(name)} here.`, hint);
    }
  }

  has(name: string): boolean {
    return this.members[name] !== undefined && this.members[name] !== null;
  }

  text(name: string, rule: { readonly max: number; readonly shape?: RegExp; readonly is: string }) {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    const isGood =
      typeof value === 'string' &&
      value !== '' &&
      value.length <= rule.max &&
      !value.includes('\0') &&
      rule.shape?.test(value) !== false;
    if (isGood) return value;
    this.refuse(name, 'INVALID_VALUE', `${name} must be ${rule.is}.`);
    return undefined;
  }

  number(name: string, min: number, max: number, isWhole = true): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    const isGood = typeof value === 'number' && value >= min && value <= max;
    if (isGood && (!isWhole || Number.isInteger(value))) return value;
    const kind = isWhole ? 'a whole number' : 'a number';
    this.refuse(name, 'INVALID_VALUE', `${name} must be ${kind} from ${min} to ${max}.`);
    return undefined;
  }

  duration(name: string, minMs: number, maxMs: number): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    const read = typeof value === 'string' ? parseDuration(value) : undefined;
    if (read === undefined) {
      const message = `${name} must be a duration, written like 250ms, 90s or 1h30m.`;
      this.refuse(name, 'INVALID_DURATION', message);
      return undefined;
    }
    if (read >= minMs && read <= maxMs) return read;
    const message = `${name} is ${String(value)}, which is out of its range.`;
    this.refuse(name, 'INVALID_DURATION', message);
    return undefined;
  }

  flag(name: string): boolean | undefined {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    if (typeof value === 'boolean') return value;
    this.refuse(name, 'INVALID_VALUE', `${name} must be true or false.`);
    return undefined;
  }

  word<const W extends string>(name: string, words: readonly W[]): W | undefined {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const meant = typeof value === 'string' ? nearest(value, words) : undefined;
    const hint = meant === undefined ? null : `Did you mean ${meant}?`;
    this.refuse(name, 'INVALID_VALUE', `${name} must be one of ${words.join(', ')}.`, hint);
    return undefined;
  }

  /** The fields of a nested object; undefined when it is not there or is none. */
  nested(name: string): Fields | undefined {
    const value = this.object(name);
    return value && new Fields(value, [...this.path, name], this.errors);
  }

  object(name: string): Members | undefined {
    if (!this.has(name)) return undefined;
    const value = this.members[name];
    if (isObject(value)) return value;
    this.refuse(name, 'INVALID_VALUE', `${name} must be an object.`);
    return undefined;
  }

  value(name: string): unknown {
    return this.members[name];
  }
}
