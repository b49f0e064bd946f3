import type { Policy, RunRecord } from '#core';
import { type Connection, type LogSource, readLogBounds, readLogSources } from '#postgres';

/** Of the log of an attempt: the first and the last half of it are kept. */
export const OUTPUT_BYTES_MAX = 64 * 1_024 * 1_024;
const ATTEMPTS_MAX = 4_096;
/** Who has been refused may be granted the same attempt a moment later. */
const REFUSED_MS = 5_000;

/** An attempt that an executor may write for, as its run says: not as the chunk does. */
export interface Writer {
  readonly partition: number;
  readonly project: string;
  readonly day: string;
  readonly run: string;
  readonly attempt: number;
  readonly bytesMax: number;
  /** Stored of it. */
  bytes: number;
  /** Of each stream, where what was handed to the database ends. */
  readonly ends: Map<number, number>;
  /** Its middle has gone: what is said again may not come back. */
  isCut: boolean;
}

export interface Claim {
  readonly executor: string;
  readonly run: string;
  readonly attempt: number;
  readonly day: string;
  readonly offset: number;
}

interface Refused {
  readonly until: number;
}

/**
 * Which executor may write to which log: one look a (run, attempt), remembered as long as there is
 * room. What has ended may still be written to: last words come late.
 */
export class LogSources {
  /** The oldest first. */
  private readonly known = new Map<string, Writer | Refused>();

  constructor(
    private readonly connection: Connection,
    private readonly now: () => number,
  ) {}

  /** Looks up what is not known of these, in one statement. */
  async learn(claims: readonly Claim[]): Promise<void> {
    const unknown = new Map<string, Claim>();
    for (const claim of claims) {
      const name = nameOf(claim);
      const known = this.known.get(name);
      if (known === undefined || isOver(known, this.now())) unknown.set(name, claim);
    }
    if (unknown.size === 0) return;
    const runs = [...new Set([...unknown.values()].map(({ run }) => run))];
    const sources = await readLogSources(this.connection, runs);
    const byRun = new Map(sources.map((source) => [source.run, source]));
    for (const [name, claim] of unknown) {
      const source = byRun.get(claim.run.toLowerCase());
      const isOwn = source !== undefined && mayWrite(source, claim);
      const until = this.now() + REFUSED_MS;
      this.keep(name, isOwn ? await this.writerOf(source, claim) : { until });
    }
  }

  /** Undefined: it is not that executor's. */
  writer(claim: Claim): Writer | undefined {
    const name = nameOf(claim);
    const known = this.known.get(name);
    if (known === undefined || 'until' in known) return undefined;
    this.keep(name, known);
    return known;
  }

  private keep(name: string, known: Writer | Refused): void {
    this.known.delete(name);
    this.known.set(name, known);
    const [oldest] = this.known.keys();
    if (this.known.size > ATTEMPTS_MAX && oldest !== undefined) this.known.delete(oldest);
  }

  private async writerOf(source: LogSource, claim: Claim): Promise<Writer> {
    const { run, attempt, day, offset } = claim;
    const { partition, project } = source;
    const place = { partition, day, run, attempt };
    // Nothing is stored yet of a log that begins, which most logs do.
    const { bytes } = offset === 0 ? { bytes: 0 } : await readLogBounds(this.connection, place, 0);
    const policy = source.policy === null ? undefined : (JSON.parse(source.policy) as Policy);
    const bytesMax = policy?.outputBytesMax ?? OUTPUT_BYTES_MAX;
    return { ...place, project, bytesMax, bytes, ends: new Map(), isCut: false };
  }
}

function mayWrite(source: LogSource, { executor, attempt }: Claim): boolean {
  if (source.attempt === attempt && source.executor === executor) return true;
  if (source.record === null) return false;
  const { attempts } = JSON.parse(source.record) as RunRecord;
  return attempts.some((each) => each.number === attempt && each.executor === executor);
}

const nameOf = ({ executor, run, attempt }: Claim): string => `${run}/${attempt}/${executor}`;
const isOver = (known: Writer | Refused, now: number): boolean =>
  'until' in known && known.until <= now;
