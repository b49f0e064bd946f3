import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeedEvent, FeedQuery } from './event.js';
import { Replay } from './replay.js';
import { MemoryJournal, PROJECT, STRANGER, eventOf } from './testkit/world.js';

const ALL: FeedQuery = { projects: new Set([PROJECT]), filter: {} };
const PARTITIONS = [0, 1, 2];

function journalOf(lengths: readonly (readonly number[])[]): MemoryJournal {
  const journal = new MemoryJournal();
  for (const partition of PARTITIONS) {
    journal.segments.set(partition, []);
    for (const n of lengths[partition] ?? []) append(journal, partition, n);
  }
  return journal;
}

/** Every third event is another project's. */
function append(journal: MemoryJournal, partition: number, n: number): void {
  const first = journal.head(partition) + 1;
  const events = Array.from({ length: n }, (_, i) =>
    eventOf('r', { project: (first + i) % 3 === 0 ? STRANGER : PROJECT }),
  );
  journal.append(partition, events);
}

const lengths = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }), {
  minLength: 3,
  maxLength: 3,
});

describe('a replay', () => {
  it('brings every event after its places once, in order, while the journal grows', async () => {
    const property = fc.asyncProperty(
      lengths,
      fc.array(fc.nat(30), { minLength: 3, maxLength: 3 }),
      fc.array(fc.nat(2), { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (segments, starts, growth, pageMax) => {
        const journal = journalOf(segments);
        journal.pageMax = pageMax;
        const places = new Map(
          PARTITIONS.map((p) => [p, Math.min(starts[p] ?? 0, journal.head(p))]),
        );
        const from = new Map(places);
        const replay = new Replay(journal, ALL, places);
        const got: FeedEvent[] = [];
        for (let behind = 1; behind > 0; ) {
          const aimed = await replay.aim();
          if ('kind' in aimed) throw new Error(aimed.kind);
          ({ behind } = aimed);
          while (!replay.isAtTarget) {
            const page = await replay.page();
            if (!page.ok) throw new Error(page.error.kind);
            got.push(...page.events);
            const grown = growth.pop();
            if (grown !== undefined) append(journal, grown, 2);
          }
        }
        for (const partition of PARTITIONS) {
          const seqs = got.filter((event) => event.partition === partition).map(({ seq }) => seq);
          const first = (from.get(partition) ?? 0) + 1;
          const count = journal.head(partition) - first + 1;
          const all = Array.from({ length: count }, (_, i) => first + i);
          expect(seqs).toEqual(all.filter((seq) => seq % 3 !== 0));
          expect(replay.at(partition)).toBe(journal.head(partition));
        }
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('never goes past its target, however much a page brings', async () => {
    const replay = new Replay(journalOf([[4, 4, 4], [], []]), ALL, new Map([[0, 1]]));
    replay.aimAt(new Map([[0, 6]]));
    const page = await replay.page();
    expect(page.ok && page.events.map(({ seq }) => seq)).toEqual([2, 4, 5]);
    expect([replay.at(0), replay.isAtTarget]).toEqual([6, true]);
  });

  it('a hole in the journal is an expired cursor, at its place or behind it', async () => {
    const journal = journalOf([[1, 1, 1], [1], []]);
    journal.forget(0, 1);
    journal.forget(1, 1);
    const first = new Replay(journal, ALL, new Map([[0, 0]]));
    await first.aim();
    expect(await first.page()).toEqual({ ok: false, error: { kind: 'CURSOR_EXPIRED' } });
    const second = new Replay(journal, ALL, new Map([[1, 0]]));
    second.aimAt(new Map([[1, 1]]));
    expect(await second.page()).toEqual({ ok: false, error: { kind: 'CURSOR_EXPIRED' } });
  });

  it('a place that the journal has not reached is bad', async () => {
    const replay = new Replay(journalOf([[2], [], []]), ALL, new Map([[0, 3]]));
    expect(await replay.aim()).toEqual({ kind: 'BAD_CURSOR' });
  });

  it('a segment of a newer version is said to be that', async () => {
    const journal = journalOf([[1], [], []]);
    journal.segments.get(0)?.splice(0, 1, { seq: 1, n: 1, text: '[99,0,[],[]]' });
    const replay = new Replay(journal, ALL, new Map([[0, 0]]));
    await replay.aim();
    expect(await replay.page()).toMatchObject({ error: { kind: 'UNREADABLE', partition: 0 } });
  });
});
