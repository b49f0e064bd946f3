const KEPT_BYTES = 64 * 1024;
const EXCERPT_BYTES = 4 * 1024;

/** The beginning and the end of what a stream has said, in bounded memory. */
export class Output {
  private readonly head: Buffer[] = [];
  private headBytes = 0;
  private tail: Buffer[] = [];
  private tailBytes = 0;
  private total = 0;

  get bytes(): number {
    return this.total;
  }

  push(chunk: Buffer): void {
    this.total += chunk.length;
    let rest = chunk;
    if (this.headBytes < KEPT_BYTES) {
      const fits = rest.subarray(0, KEPT_BYTES - this.headBytes);
      this.head.push(fits);
      this.headBytes += fits.length;
      rest = rest.subarray(fits.length);
    }
    if (rest.length === 0) return;
    this.tail.push(rest);
    this.tailBytes += rest.length;
    while (this.tailBytes - (this.tail[0]?.length ?? 0) >= KEPT_BYTES) {
      this.tailBytes -= this.tail.shift()?.length ?? 0;
    }
    if (this.tail.length > 1_024) this.tail = [Buffer.concat(this.tail)];
  }

  /** At most the last `bytes`, whole characters. */
  last(bytes: number = EXCERPT_BYTES): string {
    const kept = this.total === this.headBytes ? this.head : [...this.head, ...this.tail];
    const all = Buffer.concat(this.tailBytes >= bytes ? this.tail : kept);
    return withoutBrokenStart(all.subarray(Math.max(0, all.length - bytes)));
  }

  /** Both ends with a note of what is left out: what a person reads first when something failed. */
  excerpt(bytes: number = EXCERPT_BYTES): string {
    if (this.total <= 2 * bytes) return this.last(2 * bytes);
    const first = Buffer.concat(this.head).subarray(0, bytes).toString();
    return `${first}\n… ${this.total - 2 * bytes} bytes left out …\n${this.last(bytes)}`;
  }

  /** Undefined: there is none, or it is longer than what is kept. */
  lastLine(): string | undefined {
    const text = this.last(KEPT_BYTES).trimEnd();
    const at = text.lastIndexOf('\n');
    if (at < 0 && this.total > KEPT_BYTES) return undefined;
    const line = text.slice(at + 1).trim();
    return line === '' ? undefined : line;
  }
}

/** A cut may fall into a character: its remains (10xxxxxx) are left out. */
function withoutBrokenStart(bytes: Buffer): string {
  let from = 0;
  while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return bytes.subarray(from).toString();
}
