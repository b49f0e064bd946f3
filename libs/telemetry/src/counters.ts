export interface Counter {
  readonly add: (count?: number) => void;
  readonly value: () => number;
}

export interface Counters {
  /** The same name gives the same counter, so two modules can count into one. */
  readonly counter: (name: string) => Counter;
  /** All counters by name, sorted: what /metrics renders and tests compare. */
  readonly snapshot: () => Readonly<Record<string, number>>;
}

const nameShape = /^[a-z][a-z0-9_]{0,99}$/;

/**
 * One registry a thread. A counter only grows (rates are the reader's arithmetic), so a negative
 * or broken step is a bug of the caller and throws.
 */
export function createCounters(): Counters {
  const values = new Map<string, number>();
  const counter = (name: string): Counter => {
    if (!nameShape.test(name)) throw new RangeError(`counter ${JSON.stringify(name)}: use a_name`);
    if (!values.has(name)) values.set(name, 0);
    const value = (): number => values.get(name) ?? 0;
    return {
      value,
      add: (count = 1) => {
        if (!Number.isSafeInteger(count) || count < 0) {
          throw new RangeError(`counter ${name}: cannot grow by ${count}`);
        }
        values.set(name, value() + count);
      },
    };
  };
  const snapshot = (): Readonly<Record<string, number>> => {
    const names = [...values.keys()].toSorted();
    return Object.fromEntries(names.map((name) => [name, values.get(name) ?? 0]));
  };
  return { counter, snapshot };
}
