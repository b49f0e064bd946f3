import { expect } from 'vitest';
import { type Steady, quantile } from '../support/steady.js';
import type { ToldRun } from '../support/story.js';
import type { Scene } from './scene.js';

export interface Span {
  readonly from: number;
  readonly to: number;
}

const during = ({ from, to }: Span, runs: readonly ToldRun[]): readonly ToldRun[] =>
  runs.filter(({ submittedAt }) => submittedAt >= from && submittedAt <= to);

/** How long work stood before it was first granted: the longest of each partition. */
export function pausesOf(runs: readonly ToldRun[], span: Span): ReadonlyMap<number, number> {
  const longest = new Map<number, number>();
  for (const { partition, submittedAt, grantedAt = Number.POSITIVE_INFINITY } of during(
    span,
    runs,
  )) {
    const waited = Math.round(grantedAt - submittedAt);
    longest.set(partition, Math.max(longest.get(partition) ?? 0, waited));
  }
  return longest;
}

export function print(what: string, figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}

export function latencies(
  load: Steady,
  runs: readonly ToldRun[],
  span: Span,
): Readonly<Record<string, unknown>> {
  const acks = load.sent.filter(({ at }) => at >= span.from && at <= span.to).map(({ ms }) => ms);
  const told = during(span, runs);
  const grants = told.map(({ grantedAt = 0, submittedAt }) => grantedAt - submittedAt);
  const ends = told.map(({ finishedAt = 0, grantedAt = 0 }) => finishedAt - grantedAt);
  const three = (values: readonly number[]): string =>
    [0.5, 0.99, 1].map((p) => quantile(values, p)).join('/');
  const parts = { 'ack ms': acks, 'grant ms': grants, 'end ms': ends };
  const shown = Object.entries(parts).map(([name, values]) => [name, three(values)]);
  return { runs: told.length, ...Object.fromEntries(shown) };
}

/** Each was acknowledged, has ended well, and began once for each attempt: by its own word. */
export function expectExact(scene: Scene, runs: readonly ToldRun[]): void {
  const starts = scene.starts();
  const twice = [...starts].filter(([, count]) => count > 1);
  expect(twice).toEqual([]);
  for (const { id, state, events } of runs) {
    // A grant that its executor gave back is made anew, under the same number.
    const [, last] = events.findLast((event) => event.startsWith('GRANTED '))?.split(' ') ?? [];
    expect([id, state, starts.get(`${id} ${last}`)]).toEqual([id, 'SUCCEEDED', 1]);
    expect([id, events.filter((event) => event.startsWith('FINISHED '))]).toEqual([
      id,
      [`FINISHED ${last}`],
    ]);
  }
}
