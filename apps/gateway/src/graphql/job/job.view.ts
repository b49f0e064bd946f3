import type { JobEntity } from '#definitions';
import type { JobRow } from '#postgres';

export const rowOf = ({ id, project, name, current, paused }: JobEntity): JobRow => ({
  id,
  project,
  name,
  paused,
  version: current,
});
