import { type SeenEvent, type Tally, weigh } from './readers.js';

export const JOBS = 10;
const TENANTS = 100;
const REGIONS = 50;

export interface RunMeta {
  readonly job: string;
  readonly tenant: string;
  readonly region: string;
}
export const metaOf = (n: number): RunMeta => ({
  job: `crowd-${n % JOBS}`,
  tenant: `t${n % TENANTS}`,
  region: `r${n % REGIONS}`,
});

/** Of ten readers four follow a tenant, three what becomes of a job, three of a region. */
export interface Kind {
  readonly filter: Readonly<Record<string, unknown>>;
  wants(run: RunMeta, event: SeenEvent): boolean;
}
export function kindOf(i: number): Kind {
  const n = Math.floor(i / 10);
  const isDone = ({ to }: SeenEvent): boolean => to === 'SUCCEEDED';
  if (i % 10 < 4) {
    const { tenant } = metaOf(4 * n + (i % 10));
    return { filter: { labels: { tenant } }, wants: (run) => run.tenant === tenant };
  }
  const states = ['SUCCEEDED'];
  if (i % 10 < 7) {
    const { job } = metaOf(3 * n + (i % 10));
    const wants: Kind['wants'] = (run, event) => run.job === job && isDone(event);
    return { filter: { jobs: [job], states }, wants };
  }
  const { region } = metaOf(3 * n + (i % 10));
  const wants: Kind['wants'] = (run, event) => run.region === region && isDone(event);
  return { filter: { labels: { region }, states }, wants };
}
export const EVERYTHING: Kind = {
  filter: { jobs: Array.from({ length: JOBS }, (_, n) => metaOf(n).job) },
  wants: () => true,
};

export function tallyOf(
  events: readonly SeenEvent[],
  runs: ReadonlyMap<string, RunMeta>,
  kind: Kind,
): Tally {
  let [count, sum] = [0, 0];
  for (const event of events) {
    const run = runs.get(event.run.id);
    if (run === undefined || !kind.wants(run, event)) continue;
    count++;
    sum = (sum + weigh(event)) % 2 ** 32;
  }
  return { count, sum };
}

export const isSame = (is: Tally, should: Tally | undefined): boolean =>
  is.count === should?.count && is.sum === should.sum;
