import { describe, expect, it } from 'vitest';
import type { FeedEvent, FeedFilter, FeedQuery } from './event.js';
import { Router } from './router.js';
import { PROJECT, STRANGER, eventOf } from './testkit/world.js';

const event = (run: string, more: Partial<FeedEvent> = {}): FeedEvent => ({
  ...eventOf(run),
  partition: 0,
  ...more,
});
const query = (filter: FeedFilter = {}, ...projects: string[]): FeedQuery => ({
  projects: new Set(projects.length > 0 ? projects : [PROJECT]),
  filter,
});

function heard(filter: FeedQuery, ...events: FeedEvent[]): string[] {
  const router = new Router();
  const batches: string[][] = [];
  const listener = (batch: readonly FeedEvent[]): void => {
    batches.push(batch.map(({ run }) => run));
  };
  router.listen(filter, () => true, listener);
  router.route(events);
  router.flush();
  expect(batches.length).toBeLessThanOrEqual(1);
  return batches.flat();
}

describe('the router', () => {
  const cases: readonly (readonly [string, FeedFilter])[] = [
    ['nothing', {}],
    ['runs', { runs: new Set(['a']) }],
    ['jobs', { jobs: new Set(['j']) }],
    ['executors', { executors: new Set(['x']) }],
    ['states', { states: new Set(['READY'] as const) }],
    ['types', { types: new Set(['CHANGED'] as const) }],
    ['everything', { runs: new Set(['a']), jobs: new Set(['j']), executors: new Set(['x']) }],
  ];
  const full = event('a', { job: 'j', executor: 'x' });

  it.each(cases)('by %s: hears its own', (_, filter) => {
    expect(heard(query(filter), full)).toEqual(['a']);
  });

  it.each(cases)("by %s: another project's event never leaves", (_, filter) => {
    expect(heard(query(filter), { ...full, project: STRANGER })).toEqual([]);
    expect(heard({ projects: new Set(), filter }, full)).toEqual([]);
  });

  it.each([
    ['run', { runs: new Set(['a']) }, event('b')],
    ['job', { jobs: new Set(['j']) }, event('a', { job: 'k' })],
    ['job, where there is none', { jobs: new Set(['j']) }, event('a')],
    ['executor', { executors: new Set(['x']) }, event('a', { executor: 'y' })],
    ['state', { states: new Set(['DEAD'] as const) }, event('a')],
    [
      'state, where there is none',
      { states: new Set(['DEAD'] as const) },
      event('a', { to: null }),
    ],
    ['type', { types: new Set(['FINISHED'] as const) }, event('a')],
    ['run of one job', { runs: new Set(['a']), jobs: new Set(['j']) }, event('a', { job: 'k' })],
  ] as const)('does not hear another %s', (_, filter, other) => {
    expect(heard(query(filter), other)).toEqual([]);
  });

  it('tells each listener once a batch, each event once, in order', () => {
    const filter = { jobs: new Set(['j', 'k']) };
    const events = ['a', 'b', 'c'].map((run, i) => event(run, { job: i === 1 ? 'k' : 'j' }));
    expect(heard(query(filter, PROJECT, STRANGER), ...events)).toEqual(['a', 'b', 'c']);
  });

  it('says that a run changed, and where, and shows no event of it', () => {
    const router = new Router();
    const seqs: number[] = [];
    const leave = router.watch('a', (seq) => seqs.push(seq));
    router.route([event('a', { seq: 5 }), event('b', { seq: 6 }), event('a', { seq: 7 })]);
    router.flush();
    expect(seqs).toEqual([7]);
    leave();
    expect(router).toMatchObject({ size: 0, keys: 0 });
  });

  it('a listener that leaves while another is told hears nothing more', () => {
    const router = new Router();
    const told: string[] = [];
    const leaves: (() => void)[] = [];
    for (const name of ['one', 'two']) {
      const hear = (): void => {
        told.push(name);
        for (const leave of leaves) leave();
      };
      leaves.push(router.listen(query(), () => true, hear));
    }
    router.route([event('a')]);
    router.flush();
    expect(told).toEqual(['one']);
    expect(router).toMatchObject({ size: 0, keys: 0 });
  });

  it('1,000 listeners, each to a run of its own: an event is looked at by one', () => {
    const router = new Router();
    let events = 0;
    for (let i = 0; i < 1_000; i++) {
      const filter = { runs: new Set([`run-${i}`]) };
      router.listen(
        query(filter),
        () => true,
        (batch) => void (events += batch.length),
      );
    }
    for (let i = 0; i < 2_000; i++) router.route([event(`run-${i}`)]);
    router.flush();
    expect(events).toBe(1_000);
    expect(router.looked).toBe(1_000);
  });
});
