import { partitionOf } from '#core';
import { freshName } from '../../../testkit/gateway.js';
import type { TestRun } from '../../../testkit/owner.js';
import type { GatewaySuite } from '../../../testkit/suite.js';

export interface UserError {
  readonly code: string;
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string | null;
}
export interface Payload {
  readonly run: { readonly id: string; readonly project: { readonly id: string } } | null;
  readonly changed?: boolean;
  readonly id: string | null;
  readonly matched: number;
  readonly applied: number;
  readonly unmatched: readonly UserError[];
  readonly userErrors: readonly UserError[];
}
const ERRORS = 'userErrors { code path message hint }';
const FIELDS: Readonly<Record<string, string>> = {
  bulkRuns: 'id matched applied pending replayed unmatched { code path message hint }',
  submitRun: 'run { id project { id } }',
  cloneRun: 'run { id project { id } }',
};

export const codesOf = (errors: readonly UserError[]): string[] =>
  errors.map(({ code, path }) => `${code} ${path.join('.')}`);

/** Runs of one test, which finds them by their label. */
export class LabelledRuns {
  readonly labels = { world: freshName('w') };

  constructor(private readonly suite: GatewaySuite) {}

  async ask(mutation: string, type: string, input: object): Promise<Payload> {
    const fields = FIELDS[mutation] ?? 'run { id project { id } } changed pending';
    return await this.suite.gateway.get(
      `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${fields} ${ERRORS} } }`,
      { input },
    );
  }
  async retry(input: object): Promise<Payload> {
    return await this.ask('retryRun', 'RetryRunInput', input);
  }

  async submit(more: object = {}): Promise<TestRun> {
    const input = { project: 'demo', job: 'noop', labels: this.labels, ...more };
    return this.runOf(await this.ask('submitRun', 'SubmitRunInput', input));
  }
  runOf({ run }: Payload): TestRun {
    if (run === null) throw new Error('it was refused');
    const partition = partitionOf(run.id, this.suite.partitions);
    return { id: run.id, project: run.project.id, partition };
  }
  async dead(more: object = {}): Promise<TestRun> {
    return await this.dies(await this.submit(more));
  }
  async dies(run: TestRun): Promise<TestRun> {
    await this.suite.owner.finish(run, 'DEAD', 'FAILED');
    return run;
  }
  async bulk(action: string, more: object = {}, filter: object = {}): Promise<Payload> {
    const pace = { perSecond: 10_000, ...more };
    const asked = { project: 'demo', filter: { labels: this.labels, ...filter }, action, ...pace };
    return await this.ask('bulkRuns', 'BulkRunsInput', asked);
  }
  async list(filter: object): Promise<string[]> {
    const { nodes } = await this.suite.gateway.get<{ nodes: { id: string }[] }>(
      `query ($filter: RunFilter) {
        runs(project: "demo", filter: $filter, orderBy: OLDEST, first: 200) { nodes { id } } }`,
      { filter: { labels: this.labels, ...filter } },
    );
    return nodes.map(({ id }) => id);
  }
  /** As `orrery dead ls` asks. */
  async letters(): Promise<string[]> {
    return await this.list({ states: ['DEAD'], discarded: false });
  }
  /** The newest first. */
  async retriesOf(run: TestRun): Promise<string[]> {
    const { retries, retriedAs } = await this.suite.gateway.get<{
      retries: { id: string; retryOf: { id: string } }[];
      retriedAs: { id: string } | null;
    }>('query ($id: ID!) { run(id: $id) { retries { id retryOf { id } } retriedAs { id } } }', {
      id: run.id,
    });
    const isSound = retries.every(({ retryOf }) => retryOf.id === run.id);
    if (!isSound || retriedAs?.id !== retries[0]?.id) throw new Error('the links contradict');
    return retries.map(({ id }) => id);
  }
  async runs(ids: readonly string[]): Promise<TestRun[]> {
    const { rows } = await this.suite.database.admin.query<TestRun>(
      'select id, partition, project from live where id = any ($1) order by id',
      [ids],
    );
    return rows;
  }
}
