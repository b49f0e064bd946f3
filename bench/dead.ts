import type { Client } from '#client';

const BATCH = 500;
const LOOK_MS = 200;
const WITHIN_MS = 120_000;

const SUBMIT = `mutation($input: SubmitRunsInput!) { submitRuns(input: $input) { accepted } }`;
const BULK = `mutation($input: BulkRunsInput!) { bulkRuns(input: $input) {
  id matched applied pending userErrors { code message } } }`;
const LOOK = 'query($id: ID!) { bulk(id: $id) { state matched applied startedAt finishedAt } }';

interface Began {
  readonly bulkRuns: {
    readonly id: string | null;
    readonly matched: number;
    readonly userErrors: readonly unknown[];
  };
}
interface Told {
  readonly bulk: {
    readonly state: string;
    readonly applied: number;
    readonly startedAt: string;
    readonly finishedAt: string | null;
  };
}

/** A system with dead letters, and what is done to them. */
export class Dead {
  constructor(private readonly client: Client) {}

  /** So many runs of a function that fails, each of them dead in the end. */
  async make(count: number, round: string): Promise<void> {
    const spec = { kind: 'function', name: 'flaky', retry: { maxAttempts: 1 } };
    const item = { project: 'demo', spec, labels: { round } };
    for (let left = count; left > 0; left -= BATCH) {
      const items = Array.from({ length: Math.min(left, BATCH) }, () => item);
      await this.ask(SUBMIT, { input: { project: 'demo', items } });
    }
    await this.settled(round, count);
  }

  /** What a dry run says. */
  async matched(round: string): Promise<number> {
    return (await this.bulk(round, true)).matched;
  }

  /** How many were retried, and in how many seconds. */
  async retry(round: string): Promise<{ readonly applied: number; readonly seconds: number }> {
    const { id } = await this.bulk(round, false);
    for (;;) {
      const { bulk } = await this.ask<Told>(LOOK, { id });
      const { state, applied, startedAt, finishedAt } = bulk;
      if (state === 'DONE' && finishedAt !== null) {
        return { applied, seconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000 };
      }
      if (state !== 'RUNNING') throw new Error(JSON.stringify(bulk));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** So many are dead. */
  async settled(round: string, count: number): Promise<void> {
    const deadline = performance.now() + WITHIN_MS;
    while ((await this.matched(round)) < count) {
      if (performance.now() > deadline) throw new Error(`${count} runs are not dead in time`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  private async bulk(round: string, dryRun: boolean): Promise<Began['bulkRuns']> {
    const filter = { states: ['DEAD'], labels: { round } };
    const input = { project: 'demo', action: 'RETRY', filter, dryRun };
    const { bulkRuns } = await this.ask<Began>(BULK, { input });
    if (bulkRuns.userErrors.length > 0) throw new Error(JSON.stringify(bulkRuns));
    return bulkRuns;
  }

  private async ask<T>(document: string, variables: Readonly<Record<string, unknown>>): Promise<T> {
    const answer = await this.client.request<T>(document, variables);
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    return answer.value;
  }
}
