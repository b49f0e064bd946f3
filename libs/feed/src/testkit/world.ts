import { BehaviorSubject, Observable, Subject, VirtualTimeScheduler } from 'rxjs';
import type { RunEvent } from '#core';
import type { JournalPage, JournalSegment } from '#postgres';
import {
  type Live,
  decodeEnvelope,
  encodeEnvelope,
  encodeSegment,
  liveCodec,
  topicsOf,
} from '#protocol';
import { Feed } from '../feed.js';
import type { Journal } from '../journal.js';
import type { Wire } from '../wire.js';

export const PROJECT = '11111111-1111-4111-8111-111111111111';
export const STRANGER = '22222222-2222-4222-8222-222222222222';
export const LIFE = '0f8fad5b-d9cb-469f-a165-70867728950e';
export const topics = topicsOf('test');

export function eventOf(run: string, more: Partial<RunEvent> = {}): RunEvent {
  return {
    seq: 0,
    at: 1_000,
    type: 'CHANGED',
    run,
    project: PROJECT,
    job: null,
    from: null,
    to: 'READY',
    attempt: 0,
    executor: null,
    actor: null,
    data: null,
    ...more,
  };
}

/** A journal in memory, with switches for trouble. */
export class MemoryJournal implements Journal {
  readonly segments = new Map<number, JournalSegment[]>();
  life = LIFE;
  isDown = false;
  /** Smaller pages than asked for. */
  pageMax = Number.POSITIVE_INFINITY;
  readonly asked = { heads: 0, fill: 0, targets: 0, replay: 0, oldest: 0 };

  append(partition: number, events: readonly RunEvent[]): JournalSegment {
    const own = this.segments.get(partition) ?? [];
    this.segments.set(partition, own);
    const seq = this.head(partition) + 1;
    const text = encodeSegment(events);
    const segment = { seq, n: events.length, text };
    own.push(segment);
    return segment;
  }

  /** Retention: the first segments of the partition are dropped. */
  forget(partition: number, count: number): void {
    this.segments.get(partition)?.splice(0, count);
  }

  head(partition: number): number {
    const last = this.segments.get(partition)?.at(-1);
    return last === undefined ? 0 : last.seq + last.n - 1;
  }

  async heads(partitions: readonly number[]) {
    this.asked.heads++;
    return this.headsOf(partitions);
  }

  async targets(partitions: readonly number[]) {
    this.asked.targets++;
    return this.headsOf(partitions);
  }

  private headsOf(partitions: readonly number[]) {
    this.assertUp();
    const heads = partitions.map((partition) => ({ partition, seq: this.head(partition) }));
    return { life: this.life, heads };
  }

  async fill(places: Parameters<Journal['fill']>[0], bounds: Parameters<Journal['fill']>[1]) {
    this.asked.fill++;
    return this.read(places, bounds);
  }

  async replay(
    places: Parameters<Journal['replay']>[0],
    bounds: Parameters<Journal['replay']>[1],
    _signal?: AbortSignal,
  ) {
    this.asked.replay++;
    return this.read(places, bounds);
  }

  async oldest() {
    this.asked.oldest++;
    this.assertUp();
    return [...this.segments.keys()]
      .sort((a, b) => a - b)
      .map((partition) => {
        const first = this.segments.get(partition)?.[0];
        return { partition, seq: first === undefined ? 0 : first.seq - 1 };
      });
  }

  private read(
    places: Parameters<Journal['fill']>[0],
    bounds: Parameters<Journal['fill']>[1],
  ): JournalPage[] {
    this.assertUp();
    return places.map(({ partition, after }) => {
      const all = this.segments.get(partition) ?? [];
      const later = all.filter(({ seq, n }) => seq + n > after + 1);
      const head = this.head(partition);
      return {
        partition,
        after,
        head,
        segments: later.slice(0, Math.min(bounds.segments, this.pageMax)),
      };
    });
  }

  private assertUp(): void {
    if (this.isDown) throw new Error('the journal is down');
  }
}

/** A broker in memory: what is published stays in `said`, what arrives is put in by hand. */
export class MemoryWire implements Wire {
  readonly up$ = new BehaviorSubject(true);
  readonly said: { readonly topic: string; readonly payload: string }[] = [];
  private readonly arriving = new Subject<{ topic: string; payload: Buffer }>();
  subscriptions = 0;

  publish(topic: string, payload: string): boolean {
    this.said.push({ topic, payload });
    return true;
  }

  messages$() {
    return new Observable<{ topic: string; payload: Buffer }>((subscriber) => {
      this.subscriptions++;
      const inner = this.arriving.subscribe(subscriber);
      return () => {
        this.subscriptions--;
        inner.unsubscribe();
      };
    });
  }

  arrive(...items: Live[]): void {
    const payload = encodeEnvelope(liveCodec, { sender: 't.0', session: '', items });
    this.arriveRaw(topics.live('t.0'), payload);
  }

  arriveRaw(topic: string, payload: string): void {
    this.arriving.next({ topic, payload: Buffer.from(payload) });
  }

  /** The partitions of each wish so far. */
  get wants(): (readonly number[])[] {
    return this.said.flatMap(({ payload }) => {
      const decoded = decodeEnvelope(liveCodec, payload);
      const items = decoded.ok ? decoded.envelope.items : [];
      return items.flatMap((item) => (item.kind === 'want' ? [item.partitions] : []));
    });
  }
}

const quiet = (): void => undefined;

const STEP_MS = 10;

/** A feed on a manual clock. */
export class FeedWorld {
  readonly journal = new MemoryJournal();
  readonly wire = new MemoryWire();
  readonly scheduler = new VirtualTimeScheduler(undefined, 0);
  readonly feed: Feed;

  constructor(readonly partitions = 4) {
    this.feed = new Feed({
      sender: 'g',
      partitions,
      life: LIFE,
      topics,
      wire: this.wire,
      journal: this.journal,
      log: { debug: quiet, warn: quiet, error: quiet },
      scheduler: this.scheduler,
    });
    for (let id = 0; id < partitions; id++) this.journal.segments.set(id, []);
    this.feed.start();
  }

  /** Commits, and says it live. */
  publish(partition: number, ...events: RunEvent[]): void {
    this.wire.arrive(this.commit(partition, ...events));
  }

  commit(partition: number, ...events: RunEvent[]): Live {
    const { seq, n, text } = this.journal.append(partition, events);
    return { kind: 'segment', partition, seq, n, events: text };
  }

  /** In small steps, so that a read is answered before the next timer. */
  async advance(byMs: number): Promise<void> {
    const { scheduler } = this;
    const end = scheduler.frame + byMs;
    while (scheduler.frame < end || byMs === 0) {
      scheduler.maxFrames = Math.min(end, scheduler.frame + STEP_MS);
      scheduler.flush();
      scheduler.frame = scheduler.maxFrames;
      await settled();
      if (byMs === 0) return;
    }
  }
}

/** Promises that are already on their way have arrived. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
