/** Follows MQTT's framing through any chunks and says when a packet is announced as too large. */
export interface FrameGuard {
  /** Whether everything announced so far is within the bound. */
  accept(chunk: Uint8Array): boolean;
}

const LENGTH_BYTES_MAX = 4;
const CONTINUES = 0x80;
const SEVEN_BITS = 0x7f;

/**
 * The bound is met at a packet's head, before its body is collected: aedes has none of its own.
 * `skip` are the bytes of the present body still to come; else we stand in a head.
 */
export function createFrameGuard(packetBytesMax: number): FrameGuard {
  let skip = 0;
  let lengthBytes = -1; // -1: at the type byte
  let length = 0;
  return {
    accept(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (skip > 0) {
          const step = Math.min(skip, chunk.length - at);
          skip -= step;
          at += step;
          continue;
        }
        const byte = chunk[at] ?? 0;
        at += 1;
        if (lengthBytes === -1) {
          lengthBytes = 0;
          length = 0;
          continue;
        }
        length += (byte & SEVEN_BITS) * 2 ** (7 * lengthBytes);
        lengthBytes += 1;
        if ((byte & CONTINUES) !== 0 && lengthBytes < LENGTH_BYTES_MAX) continue;
        if (length > packetBytesMax) return false;
        skip = length;
        lengthBytes = -1;
      }
      return true;
    },
  };
}
