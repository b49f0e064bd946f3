import type pg from 'pg';

type Admin = Pick<pg.Client, 'query'>;

/** What only a test does to the tables: the trouble that other threads and old age make. */
export const trouble = {
  /** Somebody else claims the partition, and says that he is there. */
  async steal(admin: Admin, partition: number, thief = 'thief'): Promise<void> {
    await admin.query(
      `update partition set epoch = epoch + 1, owner = $2, claimed_at = now() where id = $1`,
      [partition, thief],
    );
    await admin.query(
      `insert into node values ($1, 's', 'other', now() + interval '1 hour')
       on conflict (thread) do update set seen = excluded.seen`,
      [thief],
    );
  },

  async want(admin: Admin, partition: number, thread: string): Promise<void> {
    await admin.query('update partition set wanted_by = $2, wanted_at = now() where id = $1', [
      partition,
      thread,
    ]);
  },

  async leave(admin: Admin, thread = 'thief'): Promise<void> {
    await admin.query('delete from node where thread = $1', [thread]);
  },

  /** As if the thread had not been heard for a minute. */
  async silence(admin: Admin, thread: string): Promise<void> {
    await admin.query(`update node set seen = now() - interval '1 minute' where thread = $1`, [
      thread,
    ]);
  },

  /** As if the runs had been submitted so much earlier; before they are taken in. */
  async backdate(admin: Admin, runs: readonly string[], byMs: number): Promise<void> {
    await admin.query(
      `update live set submitted_at = submitted_at - $2 * interval '1 ms' where id = any ($1)`,
      [runs, byMs],
    );
  },

  /** As if another version of this program had made the database. */
  async setFormat(admin: Admin, format: number): Promise<void> {
    await admin.query('update installation set format = $1', [format]);
  },

  /** So many group commits of yesterday, whose repeat nobody awaits any more. */
  async outlive(admin: Admin, intakes: number): Promise<void> {
    await admin.query(
      `insert into intake select gen_random_uuid(), now() - interval '25 hours'
       from generate_series(1, $1::int4)`,
      [intakes],
    );
  },

  /** A segment of so many days from now: today's, or one that no partition is made for. */
  async append(admin: Admin, days: number): Promise<void> {
    await admin.query(`insert into journal values (1, 1, 1, now() + $1 * interval '1 day', 'x')`, [
      days,
    ]);
  },

  async empty(admin: Admin): Promise<void> {
    await admin.query(
      'truncate live, open_attempt, history, inbox, aside, executor, answer, journal, node',
    );
    await admin.query('update partition set owner = null, wanted_by = null, seq = 0');
  },
} as const;
