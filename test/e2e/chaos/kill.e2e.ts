import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import type { Client } from '#client';
import { Orrery, isAlive, kill } from '../support/orrery.js';
import { eventually } from '../support/runs.js';
import { Follower, startsOf } from './history.js';
import { Wide } from './wide.js';

/** In CI the short form; an hour of the long one is a verb of its own. */
const RUNS = Number(process.env['ORRERY_E2E_RUNS'] ?? 2_000);
const KILLS = Number(process.env['ORRERY_E2E_KILLS'] ?? 5);
const ROLES = ['gateway', 'scheduler', 'executor', 'broker', 'postgres-server'] as const;
const CLIENTS = 50;
const BOUND_MS = Math.max(240_000, RUNS * 30);
/** Faults have ceased: everything must end, and never does nothing end for so long. */
const CALM_MS = 30_000;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-kill-'));
const orrery = new Orrery(path.join(directory, 'home'), { ORRERY_EXECUTOR_SLOTS: '20' });
const written = path.join(directory, 'starts');

beforeAll(async () => {
  // The database's user must reach its data below it.
  fs.chmodSync(directory, 0o755);
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
  fs.rmSync(directory, { recursive: true, force: true });
}, 30_000);

const SUBMIT = `mutation($input: SubmitRunInput!) {
  submitRun(input: $input) { run { id } userErrors { code message } }
}`;

/** Until it is acknowledged, under one key: whatever is killed meanwhile. */
async function submit(client: () => Client, n: number): Promise<string> {
  const echo = `echo "$ORRERY_RUN_ID $ORRERY_ATTEMPT" >> '${written}'; sleep 0.05`;
  const command = isDead(n) ? `${echo}; exit ${DEAD_EXIT}` : echo;
  const rules = [{ when: { exitCodes: [DEAD_EXIT] }, then: 'NEVER' }];
  const spec = { kind: 'shell', command, retry: { maxAttempts: 20, delay: '100ms', rules } };
  const labels = isDead(n) ? DEAD : WAITING;
  const input = { project: 'demo', spec, labels, idempotencyKey: `kill-${n}-${randomUUID()}` };
  for (;;) {
    const answer = await client().request<{
      submitRun: { run: { id: string } | null; userErrors: { code: string }[] };
    }>(SUBMIT, { input });
    if (!answer.ok) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    const { run, userErrors } = answer.value.submitRun;
    if (run === null) throw new Error(JSON.stringify(userErrors));
    return run.id;
  }
}

/** What a person may meet who is late; anything else is a defect. */
const LATE = new Set(['RUN_STARTED', 'RUN_FINAL', 'RUN_NOT_PAUSED']);

/** Until it is stored, under one key: whatever is killed meanwhile. */
async function act(client: Client, mutation: string, type: string, id: string, more = {}) {
  const input = { id, idempotencyKey: `${mutation}-${id}`, ...more };
  const document = `mutation($input: ${type}!) { ${mutation}(input: $input) {
    pending userErrors { code message } } }`;
  for (;;) {
    const answer = await client.request<
      Record<string, { readonly userErrors: readonly { readonly code: string }[] }>
    >(document, { input });
    if (answer.ok) {
      const wrong = answer.value[mutation]?.userErrors.filter(({ code }) => !LATE.has(code));
      if (wrong?.length === 0) return;
      throw new Error(`${mutation} ${id}: ${JSON.stringify(wrong)}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One run in ten is held, changed and let go, one in twenty-five is cancelled. */
async function disturb(client: Client, n: number, id: string): Promise<void> {
  if (n % 10 === 3) {
    await act(client, 'pauseRun', 'PauseRunInput', id);
    await act(client, 'updateRun', 'UpdateRunInput', id, { priority: 1 + (n % 7) });
    await act(client, 'resumeRun', 'RunActionInput', id);
  }
  if (isCancelled(n)) await act(client, 'cancelRun', 'RunActionInput', id);
}
const isCancelled = (n: number): boolean => n % 25 === 7;
/** One in forty ends as a dead letter, which wide commands retry again and again. */
const isDead = (n: number): boolean => n % 40 === 21;
const DEAD_EXIT = 3;
const DEAD = { kill: 'dead' };
const WAITING = { kill: 'waiting' };

test(
  `${RUNS} submissions while ${KILLS} processes are killed: nothing lost, nothing twice`,
  async () => {
    const follower = new Follower(orrery);
    await follower.start();
    const client = orrery.client();
    const acknowledged: string[] = [];
    const cancelled = new Set<string>();
    const dead = new Set<string>();
    const wide = new Wide(client, CALM_MS);
    const killed: string[] = [];
    const inFlight = new Set<string>();
    let next = 0;
    const submitting = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (next < RUNS) {
          const n = next++;
          const id = await submit(() => client, n);
          acknowledged.push(id);
          if (isCancelled(n)) cancelled.add(id);
          if (isDead(n)) dead.add(id);
          await disturb(client, n, id);
        }
      }),
    );
    for (let n = 0; n < KILLS; n++) {
      const share = ((n + 0.5) / KILLS) * RUNS;
      await until(() => acknowledged.length >= share || acknowledged.length >= RUNS, BOUND_MS);
      const role = ROLES[n % ROLES.length] as string;
      await until(() => orrery.pidsOf(role).some(isAlive), BOUND_MS);
      killed.push(role);
      for (const id of acknowledged) if (!follower.finished.has(id)) inFlight.add(id);
      wide.disturb(WAITING, DEAD);
      for (const pid of orrery.pidsOf(role)) kill(pid);
    }
    await submitting;
    await wide.settle(WAITING);
    const unfinished = (): string[] => acknowledged.filter((id) => !follower.finished.has(id));
    let left = unfinished().length;
    try {
      while (left > 0) {
        await until(() => unfinished().length < left, CALM_MS);
        left = unfinished().length;
      }
    } catch {
      await follower.stop();
      const [id = ''] = unfinished();
      const run = JSON.stringify(await read(client, id));
      const seen = follower.events.filter((event) => event.run.id === id);
      const story = `${id} ${run}, seen ${JSON.stringify(seen)}, killed ${killed.join()}`;
      throw new Error(
        `${unfinished().length} did not end, none in ${CALM_MS} ms of calm: ${story}`,
      );
    }
    await follower.stop();

    // The test was not vacuous.
    expect(new Set(killed).size).toBe(Math.min(KILLS, ROLES.length));
    expect(follower.reconnects).toBeGreaterThan(0);
    expect(inFlight.size).toBeGreaterThanOrEqual(RUNS * 0.3);

    // Every acknowledged submission is one run, ended once.
    expect(new Set(acknowledged).size).toBe(RUNS);
    await until(() => orrery.pidsOf('gateway').some(isAlive), BOUND_MS);
    await expectOneStory(client, follower, acknowledged, { cancelled, dead });
    await expectRetries(wide, dead);
    await client.close();
  },
  BOUND_MS * 2,
);

/** No token ran twice, every run has one end, and the stream was the journal. */
async function expectOneStory(
  client: Client,
  follower: Follower,
  acknowledged: readonly string[],
  { cancelled, dead }: Readonly<Record<'cancelled' | 'dead', ReadonlySet<string>>>,
): Promise<void> {
  const starts = startsOf(written);
  for (const [attempt, count] of starts) expect([attempt, count]).toEqual([attempt, 1]);
  const seen = new Map<string, string[]>();
  for (const { run, type, attempt } of follower.events) {
    seen.set(run.id, [...(seen.get(run.id) ?? []), `${type} ${attempt}`]);
  }
  for (const id of acknowledged) {
    const run = await read(client, id);
    const isOver = run.state === 'CANCELLED' && cancelled.has(id);
    if (!isOver) {
      expect([id, run.state]).toEqual([id, dead.has(id) ? 'DEAD' : 'SUCCEEDED']);
      const last = run.attempts.at(-1)?.number;
      expect(starts.get(`${id} ${last}`)).toBe(1);
    }
    // The stream, over all its reconnects, is the journal.
    const journal = run.events.nodes.map(({ type, attempt }) => `${type} ${attempt}`);
    expect([id, seen.get(id)]).toEqual([id, journal]);
  }
}

/** Each retry that a gateway has told of is one run, and there are no others. */
async function expectRetries(wide: Wide, dead: ReadonlySet<string>): Promise<void> {
  await wide.retry(DEAD);
  expect(wide.retried).toBeGreaterThanOrEqual(dead.size);
  const all = await eventually(
    () => wide.list({ labels: DEAD }),
    (runs) => runs.every(({ state }) => state === 'DEAD'),
    BOUND_MS,
  );
  const retries = all.filter(({ retryOf }) => retryOf !== null);
  expect(retries).toHaveLength(wide.retried);
  expect(
    all
      .filter(({ retryOf }) => retryOf === null)
      .map(({ id }) => id)
      .sort(),
  ).toEqual([...dead].sort());
}

interface ReadRun {
  readonly state: string;
  readonly attempts: readonly { readonly number: number; readonly outcome: string }[];
  readonly events: { readonly nodes: readonly { type: string; attempt: number | null }[] };
}

async function read(client: Client, id: string): Promise<ReadRun> {
  const answer = await client.request<{ run: ReadRun | null }>(
    `query($id: ID!) { run(id: $id) {
      state attempts { number outcome } events(first: 200) { nodes { type attempt } }
    } }`,
    { id },
  );
  if (!answer.ok || answer.value.run === null)
    throw new Error(`run ${id}: ${JSON.stringify(answer)}`);
  return answer.value.run;
}
