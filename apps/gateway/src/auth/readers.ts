/** Reads the journal, which holds every project's events: only by a run that was seen before. */
export const FEED_READER = Symbol('feed-reader');
