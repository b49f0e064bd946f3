import { until } from '#actor';
import { type RunEvent, type RunState, RUN_STATES } from '#core';
import { decodeSegment } from '#protocol';
import type { ThreadRig } from './thread-rig.js';

export const BOUND_MS = 8_000;

interface Admin {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** What a test sees of the tables while the thread works. */
export class Watch {
  constructor(private readonly admin: Admin) {}

  async count(table: string, where = 'true'): Promise<number> {
    const text = `select count(*)::int as n from ${table} where ${where}`;
    return (await this.admin.query(text)).rows[0]?.['n'] as number;
  }

  /** Waits for what the database shows; a look after the other. */
  async eventually(look: () => Promise<boolean>): Promise<void> {
    let seen = false;
    let asking = false;
    let failed: unknown;
    await until(() => {
      if (failed !== undefined) throw failed as Error;
      if (!seen && !asking) {
        asking = true;
        look().then(
          (answer) => {
            seen = answer;
            asking = false;
          },
          (error: unknown) => {
            failed = error;
          },
        );
      }
      return seen;
    }, BOUND_MS);
  }

  /** The state of a run, live or final. */
  async state(run: string): Promise<RunState | undefined> {
    const text = `select state from run_now where id = $1 and taken
      union all select state from history where id = $1`;
    const code = (await this.admin.query(text, [run])).rows[0]?.['state'];
    return code === undefined ? undefined : RUN_STATES[code as number];
  }

  async becomes(run: string, state: RunState): Promise<void> {
    await this.eventually(async () => (await this.state(run)) === state);
  }

  /** What a command was answered. */
  async answerOf(command: string): Promise<unknown> {
    const text = `select convert_from(outcome, 'UTF8') as outcome from answer where command = $1`;
    let answer: string | undefined;
    await this.eventually(async () => {
      const { rows } = await this.admin.query(text, [command]);
      answer = rows[0]?.['outcome'] as string | undefined;
      return answer !== undefined;
    });
    return JSON.parse(answer ?? 'null') as unknown;
  }

  /** The journal of a run, in commit order. */
  async events(run: string): Promise<RunEvent[]> {
    const { rows } = await this.admin.query(
      `select seq::int8 as seq, convert_from(events, 'UTF8') as events from journal
       order by partition, seq`,
    );
    return rows
      .flatMap((row) => decodeSegment(row['events'] as string, Number(row['seq'])))
      .filter((event) => event.run === run);
  }

  /** The thread owns everything, and the executor is who it will be from now on. */
  async executorReady(rig: ThreadRig, life: string, slots = 300, executor = 'x1'): Promise<number> {
    await this.owns(rig);
    const before = rig.downOf('welcome').length;
    rig.born(executor, slots, null, null);
    await until(() => rig.downOf('welcome').length > before, BOUND_MS);
    const incarnation = rig.downOf('welcome').at(-1)?.incarnation ?? 0;
    rig.born(executor, slots, incarnation, life);
    return incarnation;
  }

  async owns(rig: ThreadRig): Promise<void> {
    await until(() => rig.host.status().owned === rig.partitions, BOUND_MS);
  }
}
