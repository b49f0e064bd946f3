import type { Codec } from './codec.js';

/** Everything but presence travels as `[version, sender, session, items]`. */
export const WIRE_VERSION = 1;
export const MAX_MESSAGE_BYTES = 1_048_576;

export interface Envelope<I> {
  /** The thread or executor that sends. */
  readonly sender: string;
  /** Up: the executor's own session. Down: the session the sender believes in. Else ''. */
  readonly session: string;
  readonly items: readonly I[];
}

export type Decoded<I> =
  | { readonly ok: true; readonly envelope: Envelope<I> }
  | {
      readonly ok: false;
      readonly why: 'too-large' | 'not-json' | 'unknown-version' | 'wrong-schema';
    };

export function encodeEnvelope<I>(items: Codec<I>, envelope: Envelope<I>): string {
  return JSON.stringify([
    WIRE_VERSION,
    envelope.sender,
    envelope.session,
    envelope.items.map((item) => items.encode(item)),
  ]);
}

/** A message is taken whole or not at all. */
export function decodeEnvelope<I>(items: Codec<I>, payload: Buffer | string): Decoded<I> {
  if (payload.length > MAX_MESSAGE_BYTES) return { ok: false, why: 'too-large' };
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return { ok: false, why: 'not-json' };
  }
  if (!Array.isArray(value)) return { ok: false, why: 'wrong-schema' };
  const [version, sender, session, raw] = value as unknown[];
  if (version !== WIRE_VERSION) return { ok: false, why: 'unknown-version' };
  if (typeof sender !== 'string' || typeof session !== 'string' || !Array.isArray(raw)) {
    return { ok: false, why: 'wrong-schema' };
  }
  const decoded: I[] = [];
  for (const entry of raw) {
    const item = items.decode(entry);
    if (item === undefined) return { ok: false, why: 'wrong-schema' };
    decoded.push(item);
  }
  return { ok: true, envelope: { sender, session, items: decoded } };
}
