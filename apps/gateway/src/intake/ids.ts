import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 8_192;
const SEQUENCE_MAX = 0xfff;

/**
 * uuid v7 (RFC 9562) that only grows within a process: milliseconds, a 12-bit sequence, 62 random
 * bits. When the clock stands or steps back, or the sequence is full, time is borrowed.
 */
export class Ids {
  private readonly pool = Buffer.alloc(POOL_BYTES);
  private used = POOL_BYTES;
  private lastMs = 0;
  private sequence = 0;

  constructor(private readonly now: () => number = Date.now) {}

  next(): string {
    const ms = this.now();
    if (ms > this.lastMs) {
      this.lastMs = ms;
      // Half of it is left for ids of the same millisecond.
      this.sequence = this.random(2).readUInt16BE() & (SEQUENCE_MAX >> 1);
    } else if (this.sequence < SEQUENCE_MAX) {
      this.sequence++;
    } else {
      this.lastMs++;
      this.sequence = 0;
    }
    const time = this.lastMs.toString(16).padStart(12, '0');
    const sequence = (0x7000 | this.sequence).toString(16);
    const tail = this.random(8);
    tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
    const random = tail.toString('hex');
    const first = `${time.slice(0, 8)}-${time.slice(8)}-${sequence}`;
    return `${first}-${random.slice(0, 4)}-${random.slice(4)}`;
  }

  private random(bytes: number): Buffer {
    if (this.used + bytes > POOL_BYTES) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    this.used += bytes;
    return this.pool.subarray(this.used - bytes, this.used);
  }
}
