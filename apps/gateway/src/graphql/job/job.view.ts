import type { JobEntity } from '#definitions';
import type { JobRow } from '#postgres';
import type { UserError } from '../schema/user-error.js';
import type { JobPayload } from './job.model.js';

export const rowOf = ({ id, project, name, current, paused, deletedAt }: JobEntity): JobRow => ({
  id,
  project,
  name,
  paused,
  version: current,
  deletedAt: deletedAt?.getTime() ?? null,
});

export const refusedJob = (userErrors: readonly UserError[]): JobPayload => ({
  job: null,
  changed: false,
  pending: false,
  userErrors,
});
