import type { Policy, Specification, SpecificationRef } from '#core';
import type { Connection } from './connection.js';

interface Kept extends Specification {
  readonly bytes: number;
  /** Asked for since room was last made. */
  isUsed: boolean;
}

const MAX_BYTES = 32 * 1_048_576;
/** Beside its texts an entry costs about this. */
const ENTRY_BYTES = 500;

const keyOf = ({ project, spec }: SpecificationRef): string => `${project}/${spec}`;

/** What a read asked for: its own, whatever the cache drops meanwhile. */
export class FoundSpecifications {
  constructor(private readonly found: ReadonlyMap<string, Specification>) {}

  get(project: string, spec: string): Specification | undefined {
    return this.found.get(keyOf({ project, spec }));
  }

  policy(project: string, spec: string): Policy {
    const found = this.get(project, spec);
    if (found === undefined) throw new Error(`specification ${spec} does not exist`);
    return found.policy;
  }
}

/**
 * What a thread knows of specifications. They never change, so a cache cannot be stale. It is
 * bounded by bytes, and shared by reads that run at the same time: so what one of them has found
 * is handed to it, and never looked up here again.
 */
export class Specifications {
  private readonly known = new Map<string, Kept>();
  private bytes = 0;

  constructor(private readonly bytesMax = MAX_BYTES) {}

  /** Undefined: it was not asked for lately. */
  get(project: string, spec: string): Specification | undefined {
    const kept = this.known.get(keyOf({ project, spec }));
    if (kept !== undefined) kept.isUsed = true;
    return kept;
  }

  async find(
    connection: Connection,
    wanted: readonly SpecificationRef[],
  ): Promise<FoundSpecifications> {
    const found = new Map<string, Specification>();
    const missing = new Map<string, SpecificationRef>();
    for (const ref of wanted) {
      const known = this.get(ref.project, ref.spec);
      if (known === undefined) missing.set(keyOf(ref), ref);
      else found.set(keyOf(ref), known);
    }
    if (missing.size > 0) {
      for (const [key, specification] of await read(connection, [...missing.values()])) {
        found.set(key, specification);
        this.keep(key, specification);
      }
      this.makeRoom();
    }
    return new FoundSpecifications(found);
  }

  private keep(key: string, specification: Kept): void {
    this.drop(key);
    this.known.set(key, specification);
    this.bytes += specification.bytes;
  }

  private drop(key: string): void {
    this.bytes -= this.known.get(key)?.bytes ?? 0;
    this.known.delete(key);
  }

  /** The oldest go, but what was asked for since the last time is spared once. */
  private makeRoom(): void {
    for (const [key, kept] of this.known) {
      if (this.bytes <= this.bytesMax) return;
      this.drop(key);
      if (!kept.isUsed) continue;
      kept.isUsed = false;
      this.keep(key, kept);
    }
  }
}

async function read(
  connection: Connection,
  refs: readonly SpecificationRef[],
): Promise<(readonly [string, Kept])[]> {
  const rows = await connection.query<{
    project: string;
    hash: string;
    body: string;
    policy: string;
  }>('load_specifications', 'select * from load_specifications($1::uuid[], $2::uuid[])', [
    `{${refs.map((ref) => ref.project).join(',')}}`,
    `{${refs.map((ref) => ref.spec).join(',')}}`,
  ]);
  return rows.map(({ project, hash, body, policy }) => {
    const bytes = body.length + policy.length + ENTRY_BYTES;
    const kept = { body, policy: JSON.parse(policy) as Policy, bytes, isUsed: false };
    return [keyOf({ project, spec: hash }), kept] as const;
  });
}
