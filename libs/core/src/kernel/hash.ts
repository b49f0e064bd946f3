/** FNV-1a over UTF-16 code units with a murmur finaliser; `seed` gives independent hashes. */
export function hash32(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1) that depends on the text alone: chance without chance. */
export function unitHash(text: string): number {
  return (hash32(text) * 0x200000 + (hash32(text, 0x9e3779b9) >>> 11)) / 0x20000000000000;
}
