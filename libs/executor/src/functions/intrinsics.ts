/**
 * What every program in a thread builds on. A handler that changes it changes what the others in
 * its thread compute, without a trace in their results.
 */
const HOLDERS: readonly object[] = [
  ...[Object, Object.prototype, Array, Array.prototype, Function.prototype, JSON],
  ...[Promise, Promise.prototype, Map.prototype, Set.prototype, String.prototype],
];
const GLOBALS = [
  ...['Object', 'Array', 'Function', 'JSON', 'Promise', 'Map', 'Set', 'String', 'Number', 'Date'],
  ...['RegExp', 'Symbol', 'Math', 'Reflect', 'Error', 'TypeError', 'Buffer', 'Proxy', 'WeakMap'],
  ...['parseInt', 'parseFloat', 'isNaN', 'setTimeout', 'setImmediate', 'queueMicrotask'],
];
/** What is added to their prototypes every object has. */
const PROBES: readonly object[] = [{}, []];

const { getOwnPropertyDescriptor, getOwnPropertyNames } = Object;

/** Compared by index and with nothing that could have been changed itself. */
export class Intrinsics {
  private holders: object[] = [];
  private names: string[] = [];
  private values: unknown[] = [];

  constructor() {
    this.accept();
  }

  /** As it is now it is right: a module that was just loaded may bring what the language lacks. */
  accept(): void {
    [this.holders, this.names, this.values] = [[], [], []];
    for (const holder of HOLDERS) {
      for (const name of getOwnPropertyNames(holder)) {
        const { value } = getOwnPropertyDescriptor(holder, name) ?? {};
        if (typeof value === 'function') this.add(holder, name, value);
      }
    }
    for (const name of GLOBALS) this.add(globalThis, name, Reflect.get(globalThis, name));
  }

  /** Undefined: nothing was changed. */
  changed(): string | undefined {
    const { holders, names, values } = this;
    for (let i = 0; i < values.length; i++) {
      const name = names[i] as string;
      if ((holders[i] as Record<string, unknown>)[name] !== values[i]) return name;
    }
    for (let i = 0; i < PROBES.length; i++) {
      for (const name in PROBES[i]) return name;
    }
    return undefined;
  }

  private add(holder: object, name: string, value: unknown): void {
    this.holders.push(holder);
    this.names.push(name);
    this.values.push(value);
  }
}
