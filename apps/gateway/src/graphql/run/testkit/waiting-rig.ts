import {
  EXECUTOR_STATES,
  type ExecutorRow,
  type ExecutorState,
  RUN_STATES,
  type RunRecord,
  type SealedRun,
} from '#core';
import { type RunRow, findRuns } from '#postgres';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../../../test/support/database.js';
import { type TestGateway, startTestGateway } from '../../../testkit/gateway.js';
import { TestOwner } from '../../../testkit/owner.js';

const PARTITIONS = 4;
export const SINCE = '2026-01-01T00:00:00.000Z';

export interface Why {
  readonly kind: string;
  readonly text: string;
  readonly hint: string | null;
  readonly nearest: readonly string[] | null;
  readonly place: number | null;
  readonly [name: string]: unknown;
}

/** Runs of the demo project that wait, in a real database, and what a gateway says of them. */
export class WaitingRig {
  private constructor(
    private readonly database: TestDatabase,
    readonly gateway: TestGateway,
    readonly owner: TestOwner,
  ) {}

  static async start(): Promise<WaitingRig> {
    const database = await startTestDatabase(PARTITIONS);
    const gateway = await startTestGateway({ url: database.url });
    return new WaitingRig(database, gateway, new TestOwner(database.url));
  }

  async stop(): Promise<void> {
    await this.owner.stop();
    await this.gateway.stop();
    await this.database.stop();
  }

  /** As if the owner had not been heard for a minute. */
  async silence(): Promise<void> {
    await trouble.silence(this.database.admin, 'test.0');
  }

  /** All at once: the gateway remembers its executors for a second. */
  async executors(rows: readonly ExecutorRow[]): Promise<void> {
    await this.owner.put(0, { executors: rows });
  }

  async submit(more: Record<string, unknown> = {}, pool = 'empty'): Promise<RunRow> {
    const input = { project: 'demo', spec: { kind: 'function', name: 'noop', pool }, ...more };
    const { run } = await this.gateway.get<{ run: { id: string; project: { id: string } } }>(
      `mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
        run { id project { id } } userErrors { code message } } }`,
      { input },
    );
    const [row] = await findRuns(this.gateway.reader, [run.project.id], [run.id]);
    if (row === undefined) throw new Error(`run ${run.id} was not written`);
    return row;
  }

  /** An attempt is open, on executor x; `more` is of its record. */
  async open(
    run: RunRow,
    state: 'GRANTED' | 'RUNNING' | 'UNKNOWN',
    at: number,
    more: Partial<RunRecord> = {},
  ): Promise<void> {
    const attempts = [{ number: 1, executor: 'x', grantedAt: at }];
    const grant = {
      run: run.id,
      project: run.project,
      state: RUN_STATES.indexOf(state),
      startedAt: state === 'GRANTED' ? null : at,
      record: JSON.stringify({ attempts, seqs: [], grantedAt: at, ...more }),
      token: { run: run.id, attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq: 1 },
      rank: 1,
      readyAt: at,
      spent: 1,
      isAgain: false,
    };
    await this.owner.put(run.partition, { granted: [grant] });
  }

  async all({ id }: RunRow): Promise<readonly Why[]> {
    const query = `query ($id: ID!) { run(id: $id) {
      waitingFor { kind text hint name until used limit place nearest } } }`;
    const { waitingFor } = await this.gateway.get<{ waitingFor: readonly Why[] }>(query, { id });
    return waitingFor;
  }

  /** The one reason. */
  async why(run: RunRow): Promise<Why> {
    const [first, ...more] = await this.all(run);
    if (first === undefined || more.length > 0) throw new Error(`not one reason: ${more.length}`);
    return first;
  }
}

export function executorOf(
  id: string,
  pool: string,
  capabilities: readonly string[],
  { state = 'ACTIVE', slots = 4 }: { state?: ExecutorState; slots?: number } = {},
): ExecutorRow {
  const detail = { name: id, capabilities, slots, labels: {}, version: '1' };
  const record = JSON.stringify({ session: 's', detail });
  const code = EXECUTOR_STATES.indexOf(state);
  const open = { closed: null, emptyBy: null };
  return { id, pool, state: code, incarnation: 1, since: Date.parse(SINCE), record, ...open };
}

/** As it stands in a lane. */
export const readyIn = (id: string, lane: string, rank: number): SealedRun => ({
  id,
  state: RUN_STATES.indexOf('READY'),
  lane,
  rank,
  readyAt: null,
  attempt: 0,
  spent: 0,
  wasGranted: false,
  record: '{"attempts":[],"seqs":[]}',
});
