/**
 * Architecture §3. `orrery_owner` owns tables, migrations and upkeep; `orrery_writer` owns the hot
 * functions. The four others are what processes become: a connection starts with `role` set to one.
 */
export const ROLES = `
do $$
declare r text;
begin
  foreach r in array array['orrery_owner', 'orrery_writer', 'orrery_intake', 'orrery_scheduler',
                           'orrery_gateway_read', 'orrery_gateway_define', 'orrery_feed'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I nologin noinherit', r);
    end if;
    if not pg_has_role(current_user, r, 'member') then
      execute format('grant %I to current_user', r);
    end if;
  end loop;
end $$;
create schema if not exists orrery authorization orrery_owner;
grant usage on schema orrery to orrery_writer, orrery_intake, orrery_scheduler,
  orrery_gateway_read, orrery_gateway_define, orrery_feed;
grant create on schema orrery to orrery_writer;
`;
