const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Ids of runs and rows: whatever else a message names as one is no id of ours. */
export const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && UUID.test(value);
