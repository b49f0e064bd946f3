import { createHash, randomBytes, randomInt } from 'node:crypto';

/** `ork_<prefix>_<secret>`: the prefix may be shown, the secret has 256 bits. */
const SHAPE = /^ork_([a-z0-9]{8})_[A-Za-z0-9_-]{43}$/;
const PREFIX_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const PREFIX_LENGTH = 8;
const SECRET_BYTES = 32;

export interface ApiKeyText {
  readonly key: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

/** A secret of 256 random bits needs no salt and no slow hash: there is nothing to guess. */
const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest();

export function newApiKey(): ApiKeyText {
  let prefix = '';
  while (prefix.length < PREFIX_LENGTH) prefix += PREFIX_LETTERS[randomInt(PREFIX_LETTERS.length)];
  const key = `ork_${prefix}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { key, prefix, hash: hashApiKey(key) };
}

/** Undefined: no key of ours, so nobody needs to be asked. */
export function readApiKey(text: string): ApiKeyText | undefined {
  const prefix = SHAPE.exec(text)?.[1];
  return prefix === undefined ? undefined : { key: text, prefix, hash: hashApiKey(text) };
}
