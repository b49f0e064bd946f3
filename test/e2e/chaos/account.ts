import fs from 'node:fs';
import type { Client } from '#client';
import type { AccountedRun } from './histories.js';

const RUNS = `query($filter: RunFilter, $after: Cursor) {
  runs(project: "demo", filter: $filter, first: 200, after: $after) {
    nodes { id state labels submittedAt finishedAt result
      attempts { number outcome grantedAt startedAt finishedAt executor { id } } }
    pageInfo { hasNextPage endCursor } } }`;
const OPEN = `query($filter: RunFilter) {
  runs(project: "demo", filter: $filter, first: 5) { nodes { id state } } }`;
const OPEN_STATES = [
  ...['BLOCKED', 'CANCELLING', 'GRANTED', 'PAUSED', 'READY', 'RUNNING'],
  ...['SCHEDULED', 'UNKNOWN', 'WAITING_RETRY'],
];

interface Node {
  readonly id: string;
  readonly state: string;
  readonly labels: { readonly key?: string };
  readonly submittedAt: string;
  readonly finishedAt: string | null;
  readonly result: { readonly nonce?: string } | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly outcome: string | null;
    readonly grantedAt: string;
    readonly startedAt: string | null;
    readonly finishedAt: string | null;
    readonly executor: { readonly id: string } | null;
  }[];
}
interface Page {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

async function ask<T>(client: Client, document: string, variables: object): Promise<T> {
  const answer = await client.request<T>(document, { ...variables });
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return answer.value;
}

/** Some runs of the storm that have not ended. */
export async function openRuns(client: Client, storm: string): Promise<readonly string[]> {
  const filter = { labels: { storm }, states: OPEN_STATES };
  const { runs } = await ask<{ runs: Page }>(client, OPEN, { filter });
  return runs.nodes.map(({ id, state }) => `${id} ${state}`);
}

/** What the API says of every run of the storm. */
export async function accountOf(client: Client, storm: string): Promise<readonly AccountedRun[]> {
  const account: AccountedRun[] = [];
  for (let after: string | null = null; ; ) {
    const variables: object = { filter: { labels: { storm } }, after };
    const { runs }: { runs: Page } = await ask(client, RUNS, variables);
    account.push(...runs.nodes.map(accounted));
    if (!runs.pageInfo.hasNextPage) return account;
    after = runs.pageInfo.endCursor;
  }
}

const timeOf = (text: string | null): number | undefined =>
  text === null ? undefined : Date.parse(text);

function accounted({ id, state, labels, result, attempts, ...run }: Node): AccountedRun {
  return {
    ...{ id, state, key: labels.key ?? '', nonce: result?.nonce },
    submittedAt: Date.parse(run.submittedAt),
    finishedAt: timeOf(run.finishedAt),
    attempts: attempts.map(({ number, outcome, executor, ...times }) => ({
      ...{ number, outcome, executor: executor?.id ?? 'nobody' },
      grantedAt: Date.parse(times.grantedAt),
      startedAt: timeOf(times.startedAt),
      finishedAt: timeOf(times.finishedAt),
    })),
  };
}

/** Lines of JSON, from a byte on; what a killed process left unfinished is none. */
export function linesOf<T>(file: string, from = 0): readonly T[] {
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file).subarray(from).toString().split('\n');
  return lines
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as T);
}
