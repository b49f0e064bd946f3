import type { Client } from '#client';

/** Between two looks at something that only a request can tell. */
const LOOK_EVERY_MS = 10;
const FINAL = /^(SUCCEEDED|DEAD|CANCELLED|EXPIRED|SKIPPED)$/;

export interface RunState {
  readonly id: string;
  readonly state: string;
  readonly attempts: readonly { readonly number: number; readonly outcome: string | null }[];
}

export type Input = Readonly<Record<string, unknown>>;

async function ask<T>(client: Client, document: string, variables: Input = {}): Promise<T> {
  const answer = await client.request<T>(document, variables);
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return answer.value;
}

/** Looks until it is so, past its bound it fails with what was seen last. */
export async function eventually<T>(
  look: () => Promise<T>,
  isSo: (seen: T) => boolean,
  boundMs: number,
): Promise<T> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (performance.now() >= deadline) {
      throw new Error(`not so within ${boundMs} ms (${String(isSo)}): ${JSON.stringify(seen)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** A run of the project demo; answers its id once it is acknowledged. */
export async function submit(client: Client, input: Input): Promise<string> {
  const { submitRun } = await ask<{
    submitRun: { run: { id: string } | null; userErrors: unknown[] };
  }>(
    client,
    `mutation($input: SubmitRunInput!) {
      submitRun(input: $input) { run { id } userErrors { code message } }
    }`,
    { input: { project: 'demo', ...input } },
  );
  if (submitRun.run === null) throw new Error(JSON.stringify(submitRun.userErrors));
  return submitRun.run.id;
}

export async function readRun(client: Client, id: string): Promise<RunState> {
  const { run } = await ask<{ run: RunState | null }>(
    client,
    'query($id: ID!) { run(id: $id) { id state attempts { number outcome } } }',
    { id },
  );
  if (run === null) throw new Error(`there is no run ${id}`);
  return run;
}

/** The state of each run of the project demo, at most 200. */
export async function statesOfRuns(client: Client): Promise<ReadonlyMap<string, string>> {
  const { runs } = await ask<{ runs: { nodes: readonly { id: string; state: string }[] } }>(
    client,
    'query { runs(project: "demo", first: 200) { nodes { id state } } }',
  );
  return new Map(runs.nodes.map(({ id, state }) => [id, state]));
}

/** Each run of the project demo is final, those that the first start begins among them. */
export async function allEnded(client: Client, boundMs: number): Promise<void> {
  const all = (states: ReadonlyMap<string, string>) => [...states.values()];
  await eventually(
    () => statesOfRuns(client),
    (states) => all(states).every((state) => FINAL.test(state)),
    boundMs,
  );
}

export async function stateOfExecutor(client: Client, id = 'executor-1'): Promise<string> {
  const { executors } = await ask<{
    executors: { nodes: readonly { id: string; state: string }[] };
  }>(client, 'query { executors { nodes { id state } } }');
  return executors.nodes.find((executor) => executor.id === id)?.state ?? 'unknown';
}

/** It has ended well, within the bound. */
export async function succeeded(client: Client, id: string, boundMs: number): Promise<RunState> {
  const look = (): Promise<RunState> => readRun(client, id);
  const run = await eventually(look, ({ state }) => FINAL.test(state), boundMs);
  if (run.state !== 'SUCCEEDED') throw new Error(`it has not succeeded: ${JSON.stringify(run)}`);
  return run;
}
