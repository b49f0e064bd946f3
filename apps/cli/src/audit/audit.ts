import { RUN_STATES } from '#core';
import {
  type AuditClaim,
  type AuditKey,
  type AuditPlace,
  type AuditReader,
  type JournalSegment,
} from '#postgres';
import { decodeSegment } from '#protocol';
import { type RunTrail, type Violation, begin, follow } from './run-trail.js';

export interface Figures {
  partitions: number;
  segments: number;
  events: number;
  /** Of which the journal tells. */
  runs: number;
  /** Each is one right to run one attempt. */
  tokens: number;
  starts: number;
  finished: number;
  /** Rows of runs that were submitted since. */
  submissions: number;
  /** Requests that were acknowledged under an idempotency key. */
  keys: number;
  violations: number;
}
export interface Audited {
  readonly figures: Readonly<Figures>;
  /** The first of them. */
  readonly violations: readonly Violation[];
}
export interface AuditBounds {
  /** So many events are looked at in one pass: as many runs are in memory at most. */
  readonly events: number;
  readonly segments: number;
  readonly rows: number;
  readonly told: number;
}

export const BOUNDS: AuditBounds = { events: 500_000, segments: 100, rows: 1_000, told: 1_000 };

const DAY_MS = 86_400_000;
/** A final run is there until the week of its time is over. */
const KEPT_MS = 7 * DAY_MS;
/** Ids begin with the time of a gateway, whose clock may be wrong by so much. */
const SKEW_MS = 3_600_000;
const ZERO = '00000000-0000-0000-0000-000000000000';

/**
 * Proves from the journal and the rows beside it that no token ran twice and that nothing that was
 * acknowledged is missing. It looks at one partition at a time, and of one with many events at one
 * share of its runs at a time: memory is bounded, whatever there is.
 */
export class Audit {
  private readonly found: Violation[] = [];
  private readonly figures: Figures = {
    partitions: 0,
    segments: 0,
    events: 0,
    runs: 0,
    tokens: 0,
    starts: 0,
    finished: 0,
    submissions: 0,
    keys: 0,
    violations: 0,
  };

  constructor(
    private readonly reader: AuditReader,
    private readonly since: number,
    private readonly bounds: AuditBounds = BOUNDS,
  ) {}

  async run(): Promise<Audited> {
    const { reader } = this;
    const partitions = await reader.snapshot(async () => await reader.partitions());
    for (const partition of partitions) {
      await reader.snapshot(async () => await this.partition(partition));
      this.figures.partitions++;
    }
    await this.submissions();
    await this.keys();
    return { figures: this.figures, violations: this.found };
  }

  private wrong(partition: number, run: string | null, wrong: string): void {
    this.figures.violations++;
    if (this.found.length < this.bounds.told) this.found.push({ partition, run, wrong });
  }

  private async partition(partition: number): Promise<void> {
    const { first, head } = await this.reader.span(partition, this.since);
    if (first === null) return;
    const passes = Math.max(1, Math.ceil((head - first + 1) / this.bounds.events));
    for (let pass = 0; pass < passes; pass++) {
      const trails = new Map<string, RunTrail>();
      const isMine = (run: string): boolean => shareOf(run) % passes === pass;
      const last = await this.journal(partition, first, { pass, isMine, trails });
      if (pass === 0 && last !== head) {
        this.wrong(partition, null, `the journal ends at ${last}, and its head is ${head}`);
      }
      this.figures.runs += trails.size;
      await this.rowsOf(partition, trails);
    }
  }

  /** Answers the seq of the last event. */
  private async journal(
    partition: number,
    first: number,
    of: {
      readonly pass: number;
      readonly isMine: (run: string) => boolean;
      readonly trails: Map<string, RunTrail>;
    },
  ): Promise<number> {
    const { segments: limit } = this.bounds;
    let next = first;
    for (;;) {
      const page = await this.reader.segments(partition, next, this.since, limit);
      for (const segment of page) {
        // Said once, however often it is read.
        if (of.pass === 0) this.segment(partition, segment, next);
        for (const event of decodeSegment(segment.text, segment.seq)) {
          if (!of.isMine(event.run)) continue;
          const trail = of.trails.get(event.run) ?? begin(event);
          of.trails.set(event.run, trail);
          if (event.type === 'GRANTED') this.figures.tokens++;
          if (event.type === 'STARTED' && event.from !== 'UNKNOWN') this.figures.starts++;
          if (event.type === 'FINISHED') this.figures.finished++;
          const wrong = follow(trail, event);
          if (wrong !== undefined) this.wrong(partition, event.run, wrong);
        }
        next = segment.seq + segment.n;
      }
      if (page.length < limit) return next - 1;
    }
  }

  private segment(partition: number, { seq, n, text }: JournalSegment, next: number): void {
    this.figures.segments++;
    this.figures.events += n;
    if (seq !== next) this.wrong(partition, null, `event ${seq} stands where ${next} belongs`);
    const has = decodeSegment(text, seq).length;
    if (has !== n) this.wrong(partition, null, `the segment at ${seq} has ${has} events of ${n}`);
  }

  /** Each run that the journal tells of has one row, and that says the same. */
  private async rowsOf(partition: number, trails: Map<string, RunTrail>): Promise<void> {
    const runs = [...trails.keys()];
    for (let at = 0; at < runs.length; at += this.bounds.rows) {
      const page = runs.slice(at, at + this.bounds.rows);
      for (const place of await this.reader.places(partition, page)) {
        const wrong = wrongPlace(place, trails.get(place.id), this.since);
        if (wrong !== undefined) this.wrong(partition, place.id, wrong);
      }
    }
  }

  /** Each row has its submission in the journal, or else stands in an inbox. */
  private async submissions(): Promise<void> {
    let after = lowestId(this.since - SKEW_MS);
    const { rows: limit } = this.bounds;
    for (;;) {
      const count = await this.reader.snapshot(async () => {
        const rows = await this.reader.submitted(after, this.since, limit);
        const claims = rows.map(({ id, partition, taken, record }): AuditClaim => {
          return { id, partition, first: taken ? firstSeq(record) : null };
        });
        const untold = await this.reader.untold(claims);
        for (const { id, partition, first } of claims) {
          if (!untold.has(id)) continue;
          const where = first === null ? 'it waits in no inbox' : 'the journal has no event of it';
          this.wrong(partition, id, `its submission was acknowledged, and ${where}`);
        }
        after = rows.at(-1)?.id ?? after;
        return rows.length;
      });
      this.figures.submissions += count;
      if (count < limit) return;
    }
  }

  private async keys(): Promise<void> {
    let after: Pick<AuditKey, 'project' | 'operation' | 'key'> = {
      project: ZERO,
      operation: '',
      key: '',
    };
    const { rows: limit } = this.bounds;
    for (;;) {
      const keys = await this.reader.snapshot(
        async () => await this.reader.keys(after, this.since, limit),
      );
      for (const { operation, key, ref, found } of keys) {
        if (found) continue;
        this.wrong(-1, ref, `${operation} was acknowledged under the key ${key}, and is nowhere`);
      }
      this.figures.keys += keys.length;
      after = keys.at(-1) ?? after;
      if (keys.length < limit) return;
    }
  }
}

function wrongPlace(
  place: AuditPlace,
  trail: RunTrail | undefined,
  since: number,
): string | undefined {
  const { live, final, state, submittedAt, attempt } = place;
  if (live + final > 1) return `it has ${live} live rows and ${final} final ones`;
  if (live + final === 0) {
    const isOver = trail !== undefined && trail.finishedAt !== null;
    if (isOver && (trail.finishedAt ?? 0) < Date.now() - KEPT_MS) return undefined;
    return 'the journal tells of it, and it is nowhere';
  }
  if (trail === undefined || trail.state === null) return undefined;
  const stands = RUN_STATES[state ?? -1];
  if (stands !== trail.state) return `its row says ${stands}, and the journal ${trail.state}`;
  if (trail.joined && submittedAt !== null && submittedAt >= since) {
    return 'its submission is not in the journal, and what came after is';
  }
  if (trail.attempt !== null && !trail.bounced && attempt !== trail.attempt) {
    return `its row says attempt ${attempt}, and the journal ${trail.attempt}`;
  }
  return undefined;
}

function firstSeq(record: string | null): number {
  const { seqs } = JSON.parse(record ?? '{}') as { readonly seqs?: readonly number[] };
  return seqs?.[0] ?? 0;
}

/** Of ids that are random at their end: the same run is always in the same share. */
const shareOf = (run: string): number => Number.parseInt(run.slice(-8), 16);

/** The least id that a gateway may have made at a time. */
function lowestId(at: number): string {
  const hex = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
