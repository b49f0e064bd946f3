import type { Client } from '#client';
import { eventually } from '../support/runs.js';

const BULK = `mutation($input: BulkRunsInput!) { bulkRuns(input: $input) {
  id matched userErrors { code message } } }`;
const PROGRESS = 'query($id: ID!) { bulk(id: $id) { state applied } }';
const RUNS = `query($filter: RunFilter, $after: Cursor) {
  runs(project: "demo", filter: $filter, first: 200, after: $after) {
    nodes { id state retryOf { id } } pageInfo { hasNextPage endCursor } } }`;

export interface ListedRun {
  readonly id: string;
  readonly state: string;
  readonly retryOf: { readonly id: string } | null;
}
type Labels = Readonly<Record<string, string>>;

/** Until it is answered, whatever is killed meanwhile. */
async function ask<T>(client: Client, document: string, variables: object): Promise<T> {
  for (;;) {
    const answer = await client.request<T>(document, { ...variables });
    if (answer.ok) return answer.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Actions on many runs beside the kills: each is asked under one key, and followed to its end. */
export class Wide {
  /** How many runs were retried, by the word of the gateways. */
  retried = 0;
  private asked = 0;
  private readonly under: Promise<void>[] = [];

  constructor(
    private readonly client: Client,
    private readonly boundMs: number,
  ) {}

  /** Holds what waits and lets it go; retries what is dead. Nobody waits for it here. */
  disturb(waiting: Labels, dead: Labels): void {
    this.under.push(
      this.apply('PAUSE', waiting)
        .then(() => this.apply('RESUME', waiting))
        .then(() => this.retry(dead)),
    );
  }

  async retry(labels: Labels): Promise<void> {
    this.retried += await this.apply('RETRY', labels);
  }

  /** What was held is let go, however late its pause was applied. */
  async settle(waiting: Labels): Promise<void> {
    await Promise.all(this.under);
    await eventually(
      async () => {
        await this.apply('RESUME', waiting);
        return await this.list({ labels: waiting, states: ['PAUSED'] });
      },
      (left) => left.length === 0,
      this.boundMs,
    );
  }

  async list(filter: object): Promise<readonly ListedRun[]> {
    const all: ListedRun[] = [];
    for (let after: string | null = null; ; ) {
      type Page = { nodes: ListedRun[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      const asked: object = { filter, after };
      const { runs }: { runs: Page } = await ask(this.client, RUNS, asked);
      all.push(...runs.nodes);
      if (!runs.pageInfo.hasNextPage) return all;
      after = runs.pageInfo.endCursor;
    }
  }

  /** For how many runs it was stored. */
  private async apply(action: string, labels: Labels): Promise<number> {
    const idempotencyKey = `wide-${this.asked++}`;
    const filter = { labels };
    const more = { perSecond: 10_000, idempotencyKey };
    type Made = { id: string | null; matched: number; userErrors: readonly unknown[] };
    const { bulkRuns } = await ask<{ bulkRuns: Made }>(this.client, BULK, {
      input: { project: 'demo', action, filter, ...more },
    });
    const { id, userErrors } = bulkRuns;
    if (userErrors.length > 0) throw new Error(`${action}: ${JSON.stringify(userErrors)}`);
    if (id === null) return 0;
    const { applied } = await eventually(
      async () => {
        type Seen = { bulk: { state: string; applied: number } };
        return (await ask<Seen>(this.client, PROGRESS, { id })).bulk;
      },
      ({ state }) => state !== 'RUNNING',
      this.boundMs,
    );
    return applied;
  }
}
