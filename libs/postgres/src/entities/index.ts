export { type ApiKeyText, newApiKey, readApiKey } from './api-key.format.js';
export type { ApiKeyEntity } from './api-key.entity.js';
export { createApiKey, findApiKey, markApiKeyUsed, revokeApiKey } from './api-keys.js';
export { canonicalJson, hashOf } from './canonical.js';
export { Definitions } from './definitions.js';
export type { JobEntity, JobVersionEntity } from './job.entity.js';
export { type Applied, applyJob, listJobVersions, listJobs } from './jobs.js';
export type { ProjectEntity } from './project.entity.js';
export { createProject } from './projects.js';
