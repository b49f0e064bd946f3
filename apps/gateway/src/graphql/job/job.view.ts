import type { JobEntity } from '#definitions';
import type { JobRow } from '#postgres';
import type { UserError } from '../schema/user-error.js';
import type { JobPayload } from './job.model.js';

export const rowOf = (job: JobEntity): JobRow => ({
  id: job.id,
  project: job.project,
  name: job.name,
  paused: job.paused,
  pausedBy: job.pausedBy,
  pausedReason: job.pausedReason,
  version: job.current,
  deletedAt: job.deletedAt?.getTime() ?? null,
});

export const refusedJob = (userErrors: readonly UserError[]): JobPayload => ({
  job: null,
  changed: false,
  pending: false,
  userErrors,
});
