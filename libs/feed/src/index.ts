export { type Cursor, CursorCodec, type CursorError, type CursorResult } from './cursor.js';
export type { FeedEvent, FeedFilter, FeedQuery } from './event.js';
export { Feed, type FeedOptions } from './feed.js';
export { type Journal, type JournalConnections, postgresJournal } from './journal.js';
export type { FeedEnd, Lease, Tail } from './lease.js';
export type { FeedLog } from './log.js';
export type { Replay, ReplayError, ReplayResult } from './replay.js';
export type { Wire } from './wire.js';
