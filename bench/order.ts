export interface Started {
  readonly id: string;
  readonly rank: number;
  readonly lane: string;
}
export interface Overtaken {
  /** By how many of a later place one was overtaken at most. */
  readonly max: number;
  /** The same among the runs of its own lane. */
  readonly maxInLane: number;
  /** The share of runs that were overtaken at all. */
  readonly share: number;
}

/** How far an order of starts is from the order of places: rank, then id. */
export function overtaken(starts: readonly Started[]): Overtaken {
  const counts = overtakers(starts);
  const lanes = new Map<string, Started[]>();
  for (const start of starts) {
    const lane = lanes.get(start.lane);
    if (lane === undefined) lanes.set(start.lane, [start]);
    else lane.push(start);
  }
  const inLanes = [...lanes.values()].map((lane) => highest(overtakers(lane)));
  const some = counts.filter((count) => count > 0).length;
  return { max: highest(counts), maxInLane: highest(inLanes), share: some / starts.length };
}

const highest = (counts: readonly number[]): number =>
  counts.reduce((most, count) => Math.max(most, count), 0);

/** For each start, how many of a later place came before it: a Fenwick tree over the places. */
function overtakers(starts: readonly Started[]): number[] {
  const byPlace = starts.toSorted((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
  const place = new Map(byPlace.map(({ id }, i) => [id, i + 1]));
  const tree = new Int32Array(starts.length + 1);
  return starts.map(({ id }, before) => {
    const at = place.get(id) ?? 0;
    let lower = 0;
    for (let i = at; i > 0; i -= i & -i) lower += tree[i] ?? 0;
    for (let i = at; i < tree.length; i += i & -i) tree[i] = (tree[i] ?? 0) + 1;
    return before - lower;
  });
}
