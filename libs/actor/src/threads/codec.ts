import { Ref } from '../refs.js';
import type { Address } from '../refs.js';
import type { RefKeys } from './frames.js';

export interface Encoded {
  readonly value: unknown;
  readonly refs: RefKeys | undefined;
}

const ITSELF: RefKeys = [];

/**
 * Structured clone carries data, not refs. A message may be a ref or have refs among its own
 * properties (or elements); deeper is not searched, that would cost every message a walk.
 */
export function encode(message: unknown, exported: (ref: Ref<never>) => void): Encoded {
  if (message instanceof Ref) {
    exported(message);
    return { value: message.address, refs: ITSELF };
  }
  if (typeof message !== 'object' || message === null) return { value: message, refs: undefined };
  let refs: string[] | undefined;
  let copy = message as Record<string, unknown>;
  for (const key of Object.keys(message)) {
    const value = (message as Record<string, unknown>)[key];
    if (!(value instanceof Ref)) continue;
    if (refs === undefined) {
      refs = [];
      copy = (Array.isArray(message) ? [...message] : { ...message }) as Record<string, unknown>;
    }
    exported(value);
    refs.push(key);
    copy[key] = value.address;
  }
  return { value: copy, refs };
}

/** The value was cloned for us, so it is completed in place. */
export function decode({ value, refs }: Encoded, revive: (address: Address) => unknown): unknown {
  if (refs === undefined) return value;
  if (refs.length === 0) return revive(value as Address);
  const message = value as Record<string, unknown>;
  for (const key of refs) message[key] = revive(message[key] as Address);
  return message;
}
