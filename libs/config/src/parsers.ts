import { formatDuration, parseDuration } from './duration.js';

/** What a parser makes of a text. `expected` completes the sentence "… is not ‹expected›". */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly expected: string };

export type Parser<T> = (text: string) => Parsed<T>;

const labelsMax = 64;
const hostsMax = 256;
const hostShape = /^[\p{L}\p{N}.:_%[\]/-]{1,260}$/u;
const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function bad(expected: string): { readonly ok: false; readonly expected: string } {
  return { ok: false, expected };
}

export function text(expected: string, shape: RegExp): Parser<string> {
  return (given) => (shape.test(given) ? good(given) : bad(expected));
}

/** Names travel in MQTT topics and file names, so nothing that either gives a meaning to. */
export const name: Parser<string> = text(
  'a name of 1 to 63 letters, digits, dots, dashes or underscores, the first no mark',
  nameShape,
);

export function integer(min: number, max: number): Parser<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return (given) => {
    if (!/^\d{1,15}$/.test(given)) return bad(expected);
    const value = Number(given);
    return value >= min && value <= max ? good(value) : bad(expected);
  };
}

export function duration(minMs: number, maxMs: number): Parser<number> {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const expected = `a duration ${range}, like 250ms, 90s or 1h30m`;
  return (given) => {
    const valueMs = parseDuration(given);
    return valueMs !== undefined && valueMs >= minMs && valueMs <= maxMs
      ? good(valueMs)
      : bad(expected);
  };
}

export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  const expected = `one of ${words.join(', ')}`;
  return (given) => {
    const found = words.find((word) => word === given);
    return found === undefined ? bad(expected) : good(found);
  };
}

export function url(...protocols: readonly string[]): Parser<string> {
  const expected = `a URL that starts with ${protocols.map((each) => `${each}://`).join(' or ')}`;
  return (given) => {
    const known = protocols.some((each) => given.startsWith(`${each}://`));
    return known && URL.canParse(given) ? good(given) : bad(expected);
  };
}

export const labels: Parser<Readonly<Record<string, string>>> = (given) => {
  const expected =
    `labels like k=v,k2=v2: at most ${labelsMax}, each key once, keys and values of 1 to 63 ` +
    'letters, digits, dots, dashes or underscores';
  const found = new Map<string, string>();
  for (const pair of given.split(',')) {
    const [key, value, ...rest] = pair.split('=').map((part) => part.trim());
    if (key === undefined || value === undefined || rest.length > 0) return bad(expected);
    if (!nameShape.test(key) || !nameShape.test(value) || found.has(key)) return bad(expected);
    found.set(key, value);
  }
  return found.size > labelsMax ? bad(expected) : good(Object.fromEntries(found));
};

/** Only the shape of a list; who uses it knows what each of them means. */
export const hosts: Parser<readonly string[]> = (given) => {
  const found = given.split(',').map((each) => each.trim());
  const isGood = found.length <= hostsMax && found.every((each) => hostShape.test(each));
  return isGood
    ? good(found)
    : bad(
        `at most ${hostsMax} host names, host:port or CIDR like a.intern,127.0.0.1:80,10.0.0.0/8`,
      );
};
