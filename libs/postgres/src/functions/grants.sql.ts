/** Who may call what of the writer's functions: nothing is left to PUBLIC. */
export const GRANTS = `
revoke execute on all functions in schema orrery from public;
grant execute on function intake_batch, begin_bulk, advance_bulk, fail_bulk, slow_bulk,
  cancel_bulk, keep_bulks, release_bulks to orrery_intake;
grant execute on function hold_job to orrery_gateway_define;
grant execute on function project_directory, read_lags to orrery_gateway_read;
grant execute on function touch_node, take_name, leave_node, claim_partitions, release_partitions,
  give_up_partition, want_partition, tell_fences, commit_batch, load_partitions,
  load_lane, load_lanes, load_expiries, load_by_id, load_final, load_hold, load_held, load_bodies,
  load_specifications, sweep_inbox, append_log, log_sources, log_bounds, cut_log
  to orrery_scheduler;
`;

/** And of the owner's. They are named: one role cannot revoke what is another's. */
export const UPKEEP_GRANTS = `
revoke execute on function time_partitions, expired_time_partitions, attach_time_partition,
  make_time_partitions, make_time_partition, drop_time_partition, upkeep_work, empty_expired
  from public;
grant execute on function make_time_partition, drop_time_partition, upkeep_work, empty_expired
  to orrery_scheduler;
`;
