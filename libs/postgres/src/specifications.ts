import type { Policy } from '#core';
import type { Connection } from './connection.js';

interface Specification {
  readonly body: string;
  readonly policy: Policy;
}

/** Names one specification: rows and hints carry this instead of the text. */
export interface SpecificationRef {
  readonly project: string;
  readonly spec: string;
}

const MAX_BYTES = 32 * 1_048_576;

/**
 * What a thread knows of specifications. They never change, so a cache cannot be stale; it is
 * bounded by bytes, and what is asked for is fetched before rows that name it are handed on.
 */
export class Specifications {
  private readonly known = new Map<string, Specification>();
  private bytes = 0;

  /** Undefined: `ensure` has not seen it, or it was dropped since. */
  get(project: string, spec: string): Specification | undefined {
    return this.known.get(`${project}/${spec}`);
  }

  policy(project: string, spec: string): Policy {
    const found = this.get(project, spec);
    if (found === undefined) throw new Error(`specification ${spec} was not loaded`);
    return found.policy;
  }

  async ensure(connection: Connection, wanted: readonly SpecificationRef[]): Promise<void> {
    const missing = new Map<string, SpecificationRef>();
    for (const ref of wanted) {
      const key = `${ref.project}/${ref.spec}`;
      if (!this.known.has(key)) missing.set(key, ref);
    }
    if (missing.size === 0) return;
    const refs = [...missing.values()];
    this.makeRoom();
    const rows = await connection.query<{
      project: string;
      hash: string;
      body: string;
      policy: string;
    }>('load_specifications', 'select * from load_specifications($1::uuid[], $2::uuid[])', [
      `{${refs.map((ref) => ref.project).join(',')}}`,
      `{${refs.map((ref) => ref.spec).join(',')}}`,
    ]);
    for (const row of rows) {
      const policy = JSON.parse(row.policy) as Policy;
      this.known.set(`${row.project}/${row.hash}`, { body: row.body, policy });
      this.bytes += row.body.length + row.policy.length + 200;
    }
  }

  /** Only before a fetch: what a caller was just promised is never dropped under it. */
  private makeRoom(): void {
    for (const [key, { body }] of this.known) {
      if (this.bytes <= MAX_BYTES) return;
      this.known.delete(key);
      this.bytes -= body.length + 400;
    }
  }
}
