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

  /** From now on the table `named` has what is named in an inbox, once each time. */
  async noteNamed(admin: Admin): Promise<void> {
    await admin.query(`
      create table named (id uuid);
      grant all on named to public;
      create function note_named() returns trigger language plpgsql as $$
        begin insert into orrery.named values (new.id); return new; end $$;
      create trigger note_named after update on inbox
        for each row execute function note_named()`);
  },

  /** Nobody has given up a partition. */
  async well(admin: Admin): Promise<void> {
    await admin.query('update partition set gave_up = 0, gave_up_at = null');
  },

  /** So many owners in a row gave it up, the last of them so long ago; nobody has it now. */
  async sicken(admin: Admin, partition: number, times: number, agoMs: number): Promise<void> {
    await admin.query(
      `update partition set owner = null, gave_up = $2, gave_up_why = 'it failed',
          gave_up_at = clock_timestamp() - $3 * interval '1 ms' where id = $1`,
      [partition, times, agoMs],
    );
  },

  /** As if the runs had been submitted so much earlier; before they are taken in. */
  async backdate(admin: Admin, runs: readonly string[], byMs: number): Promise<void> {
    await admin.query(
      `update live set submitted_at = submitted_at - $2 * interval '1 ms' where id = any ($1)`,
      [runs, byMs],
    );
  },

  /** A row of which no owner has heard. */
  async copyOfLive(admin: Admin, run: string, id: string): Promise<void> {
    await admin.query(
      `insert into live select (json_populate_record(l, json_build_object('id', $2::text))).*
        from live l where id = $1`,
      [run, id],
    );
  },

  /** As if another version of this program had made the database. */
  async setFormat(admin: Admin, format: number): Promise<void> {
    await admin.query('update installation set format = $1', [format]);
  },

  /** A database of the same server in which nobody has been. */
  async bare(admin: Admin, url: string): Promise<string> {
    await admin.query('create database bare');
    const bare = new URL(url);
    bare.pathname = '/bare';
    return bare.href;
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

  /** The lease of a bulk is somebody else's, for so long. */
  async lease(admin: Admin, bulk: string, ms: number): Promise<void> {
    await admin.query(
      `update bulk set holder = 'thief', lease_until = now() + $2 * interval '1 ms' where id = $1`,
      [bulk, ms],
    );
  },

  /** The database has been too slow for it so often in a row. */
  async slow(admin: Admin, bulk: string, times: number): Promise<void> {
    await admin.query('update bulk set slow = $2 where id = $1', [bulk, times]);
  },

  /** Nobody reads a final run meanwhile. */
  async withoutHistory(admin: Admin, work: () => Promise<void>): Promise<void> {
    await admin.query('begin');
    try {
      await admin.query('lock table history in access exclusive mode');
      await work();
    } finally {
      await admin.query('rollback');
    }
  },

  /** Every bulk is over. */
  async endBulks(admin: Admin): Promise<void> {
    await admin.query('update bulk set state = 1, finished_at = now() where state = 0');
  },

  /** As if a day had passed since the key was used. */
  async expire(admin: Admin, key: string): Promise<void> {
    await admin.query('update idempotency set expires = now() where key = $1', [key]);
  },

  /** So many final runs more than there are, in this state; less than none takes them away. */
  async heap(admin: Admin, project: string, state: number, count: number): Promise<void> {
    await admin.query(
      `delete from history where id in (select h.id from history h where h.state = $1 limit $2)`,
      [state, Math.max(0, -count)],
    );
    await admin.query(
      `insert into history (id, partition, project, spec, kind, state, pool, need, priority,
          submitted_at, finished_at, drop_at)
        select uuidv7(), 0, $1, $1, 0, $2, 'default', 'shell', 5, now(), now(),
          now() + interval '1 hour' from generate_series(1, $3::int4)`,
      [project, state, count],
    );
  },

  /** The segment that begins there is lost, or was written by somebody else. */
  async damage(admin: Admin, partition: number, seq: number, text?: string): Promise<void> {
    const of = 'where partition = $1 and seq = $2';
    if (text === undefined) await admin.query(`delete from journal ${of}`, [partition, seq]);
    else {
      const events = `update journal set events = convert_to($3, 'UTF8')`;
      await admin.query(`${events} ${of}`, [partition, seq, text]);
    }
  },

  /** A run is gone from one of the tables that know it. */
  async lose(admin: Admin, table: 'live' | 'history' | 'inbox', run: string): Promise<void> {
    await admin.query(`delete from ${table} where id = $1`, [run]);
  },

  /** A final row that says it is in another state. */
  async falsify(admin: Admin, run: string, state: number): Promise<void> {
    await admin.query('update history set state = $2 where id = $1', [run, state]);
  },

  async empty(admin: Admin): Promise<void> {
    await admin.query(
      `truncate live, open_attempt, history, inbox, aside, executor, answer, journal, node,
        idempotency`,
    );
    await admin.query('update partition set owner = null, wanted_by = null, seq = 0');
  },
} as const;
