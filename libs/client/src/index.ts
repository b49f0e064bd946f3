export {
  type Client,
  type ClientOptions,
  SubscriptionError,
  type Variables,
  createClient,
} from './client.js';
export type { FollowOptions } from './follow.js';
export type { RequestError, Result } from './result.js';
