/**
 * The latest of what happened to who owns what; upkeep keeps them few. The key is an epoch's: it is
 * claimed once, let go once and refused once, so what is told again stands there already.
 */
export const CLUSTER_EVENT = `
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
