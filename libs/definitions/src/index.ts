export { type ApiKeyText, newApiKey, readApiKey } from './entities/api-key.format.js';
export type { ApiKeyEntity } from './entities/api-key.entity.js';
export { createApiKey, findApiKey, markApiKeyUsed, revokeApiKey } from './entities/api-keys.js';
export { canonicalJson, hashOf } from './entities/canonical.js';
export { Definitions } from './entities/definitions.js';
export type { JobEntity, JobVersionEntity } from './entities/job.entity.js';
export {
  applyJob,
  deleteJob,
  holdJob,
  listJobVersions,
  listJobs,
  rollbackJob,
} from './entities/jobs.js';
export type { ProjectEntity } from './entities/project.entity.js';
export { createProject, updateProject } from './entities/projects.js';
export { migrate } from './migrate.js';
export { DEMO_JOBS, seedDemo } from './seed.js';
