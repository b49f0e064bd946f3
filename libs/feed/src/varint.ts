/** Seqs are exact in a double; shifts are not, above 31 bits. So it divides. */
const SEVEN_BITS = 128;
/** Eight groups of seven bits hold 2^53. */
const BYTES_MAX = 8;

export function writeVarint(value: number, into: number[]): void {
  let rest = value;
  while (rest >= SEVEN_BITS) {
    into.push((rest % SEVEN_BITS) + SEVEN_BITS);
    rest = Math.floor(rest / SEVEN_BITS);
  }
  into.push(rest);
}

/** Reads one number after the other; undefined for what `writeVarint` would not have written. */
export class VarintReader {
  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
  ) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  next(): number | undefined {
    let value = 0;
    let weight = 1;
    for (let i = 0; i < BYTES_MAX; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) return undefined;
      value += (byte % SEVEN_BITS) * weight;
      weight *= SEVEN_BITS;
      if (byte >= SEVEN_BITS) continue;
      const isShortest = byte > 0 || i === 0;
      return isShortest && Number.isSafeInteger(value) ? value : undefined;
    }
    return undefined;
  }
}
