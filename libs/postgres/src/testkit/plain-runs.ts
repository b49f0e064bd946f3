import { randomUUID } from 'node:crypto';
import type pg from 'pg';

const COLUMNS = `id, partition, project, spec, kind, state, pool, need, priority, submitted_at,
  attempt, record`;

/** Rows of runs as their owners leave them, for tests in which nobody owns anything. */
export class PlainRuns {
  constructor(private readonly admin: Pick<pg.Client, 'query'>) {}

  async project(name: string): Promise<string> {
    const { rows } = await this.admin.query('insert into project (name) values ($1) returning id', [
      name,
    ]);
    return String(rows[0]?.['id']);
  }

  /** A run of partition 1, whose attempts that have ended are these executors'. */
  async submit(project: string, ended: readonly string[], policy: object): Promise<string> {
    const [run, spec] = [randomUUID(), randomUUID()];
    await this.admin.query(
      `insert into specification values ($1, $2, '{}', convert_to($3, 'UTF8'))`,
      [project, spec, JSON.stringify(policy)],
    );
    const attempts = ended.map((executor, i) => ({ number: i + 1, executor }));
    await this.admin.query(
      `insert into live (${COLUMNS}, rank) values ($1, 1, $2, $3, 0, 0, 'p', 'shell', 5, now(), $4,
        convert_to($5, 'UTF8'), 0)`,
      [run, project, spec, ended.length, JSON.stringify({ attempts, seqs: [] })],
    );
    return run;
  }

  async grant(run: string, attempt: number, executor: string): Promise<void> {
    await this.admin.query(
      `insert into open_attempt select l.partition, l.id, l.project, 2, $2, 0, $3, 1, 1, 1, 0,
        now(), null, l.record from live l where l.id = $1`,
      [run, attempt, executor],
    );
  }

  async finish(run: string): Promise<void> {
    await this.admin.query(
      `insert into history (${COLUMNS}, executor, finished_at, drop_at)
        select ${COLUMNS}, 'x', now(), now() + interval '1 day' from live where id = $1`,
      [run],
    );
    await this.admin.query('delete from live where id = $1', [run]);
  }
}
