export { ThreadHost, type ThreadOptions, type ThreadPorts } from './host.js';
export { type ThreadMessage, laneOfMessage } from './messages.js';
export type { Wire } from './post.js';
