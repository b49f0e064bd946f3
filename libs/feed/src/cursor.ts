import { VarintReader, writeVarint } from './varint.js';

/**
 * A place in the journal, opaque to who holds it:
 * `base64url([version, kind, 6 bytes of the cluster's life, varint…])`
 * of one partition: partition, seq; of all: how many partitions, and the head of each in order.
 */
export type Cursor =
  | { readonly kind: 'one'; readonly partition: number; readonly seq: number }
  | { readonly kind: 'all'; readonly heads: readonly number[] };

/** Closed: what a person can do is not the same for the two. */
export type CursorError =
  /** Of another life of the cluster: it was restored to an earlier point since. */
  { readonly kind: 'CURSOR_EXPIRED' } | { readonly kind: 'BAD_CURSOR' };
export type CursorResult =
  | { readonly ok: true; readonly cursor: Cursor }
  | { readonly ok: false; readonly error: CursorError };

const VERSION = 1;
const ONE = 1;
const ALL = 2;
/** The first 48 bits of a version 4 UUID: all of them chance. */
const LIFE_BYTES = 6;
const HEAD_BYTES = 2 + LIFE_BYTES;
export const PARTITIONS_MAX = 4_096;
/** The longest cursor there is: nothing longer is decoded. */
const CHARS_MAX = Math.ceil(((HEAD_BYTES + 2 + PARTITIONS_MAX * 8) * 4) / 3);
const ALPHABET = /^[A-Za-z0-9_-]+$/;

export class CursorCodec {
  private readonly life: Uint8Array;

  constructor(life: string) {
    this.life = Buffer.from(life.replaceAll('-', '').slice(0, LIFE_BYTES * 2), 'hex');
    if (this.life.length !== LIFE_BYTES) throw new Error(`not the life of a cluster: ${life}`);
  }

  encode(cursor: Cursor): string {
    const bytes = [VERSION, cursor.kind === 'one' ? ONE : ALL, ...this.life];
    if (cursor.kind === 'one') {
      writeVarint(cursor.partition, bytes);
      writeVarint(cursor.seq, bytes);
    } else {
      writeVarint(cursor.heads.length, bytes);
      for (const head of cursor.heads) writeVarint(head, bytes);
    }
    return Buffer.from(bytes).toString('base64url');
  }

  /** Never throws: a cursor is a stranger's text. */
  decode(text: string): CursorResult {
    if (text.length > CHARS_MAX || !ALPHABET.test(text)) return BAD;
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.toString('base64url') !== text) return BAD;
    if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return BAD;
    const reader = new VarintReader(bytes, HEAD_BYTES);
    const cursor = bytes[1] === ONE ? readOne(reader) : bytes[1] === ALL && readAll(reader);
    if (cursor === undefined || cursor === false || !reader.isAtEnd) return BAD;
    const isOurs = this.life.every((byte, i) => byte === bytes[2 + i]);
    return isOurs ? { ok: true, cursor } : EXPIRED;
  }
}

const BAD: CursorResult = { ok: false, error: { kind: 'BAD_CURSOR' } };
const EXPIRED: CursorResult = { ok: false, error: { kind: 'CURSOR_EXPIRED' } };

function readOne(reader: VarintReader): Cursor | undefined {
  const partition = reader.next();
  const seq = reader.next();
  if (partition === undefined || seq === undefined || partition >= PARTITIONS_MAX) return undefined;
  return { kind: 'one', partition, seq };
}

function readAll(reader: VarintReader): Cursor | undefined {
  const count = reader.next();
  if (count === undefined || count === 0 || count > PARTITIONS_MAX) return undefined;
  const heads: number[] = [];
  for (let i = 0; i < count; i++) {
    const head = reader.next();
    if (head === undefined) return undefined;
    heads.push(head);
  }
  return { kind: 'all', heads };
}
