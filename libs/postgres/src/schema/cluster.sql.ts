/**
 * Who is there, and the latest of what happened to who owns what; upkeep keeps the events few.
 * Their key is an epoch's: it is claimed once, let go once and refused once, so what is told again
 * stands there already.
 */
export const CLUSTER_TABLES = `
create table node (
  thread text primary key,
  session text not null,
  scheduler text not null,
  seen timestamptz not null,
  stats text) with (fillfactor = 50);

create table cluster_event (
  id int8 generated always as identity primary key,
  partition int2 not null,
  epoch int8 not null,
  kind int2 not null,
  at timestamptz not null default clock_timestamp(),
  thread text not null,
  -- Who owned it before; null: nobody.
  before text,
  reason text,
  events int4,
  granted int4,
  finished int4,
  unique (partition, epoch, kind));
`;
