import { hash32 } from '../kernel/hash.js';

/** Lanes below are reserved (run.ts). */
const FIRST_LANE = 16n;

export interface LaneKey {
  readonly pool: string;
  readonly need: string;
  readonly project: string;
  readonly priority: number;
}

const known = new Map<string, string>();
const MAX_KNOWN = 10_000;

/** A lane is one queue: a positive 63-bit hash of what makes runs interchangeable but for rank. */
export function laneOf(key: LaneKey): string {
  const text = `${key.pool}\n${key.need}\n${key.project}\n${key.priority}`;
  const cached = known.get(text);
  if (cached !== undefined) return cached;
  const high = BigInt(hash32(text) >>> 1);
  const lane = (high << 32n) | BigInt(hash32(text, 0x5bd1e995));
  const name = (lane < FIRST_LANE ? lane + FIRST_LANE : lane).toString();
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, name);
  return name;
}

/** Where a run lives for good: decided once at its submission, stored in its row. */
export function partitionOf(key: string, partitions: number): number {
  return hash32(key) % partitions;
}
