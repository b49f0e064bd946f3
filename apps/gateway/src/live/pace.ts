/**
 * What a reader takes at the other end of its connection: closed while too much of what it was
 * given is unread there.
 */
export interface Pace {
  readonly isOpen: boolean;
  /** For how long it has been closed; 0: it is open. */
  readonly closedMs: number;
  /** Tells once that it is open again; the answer takes the wish back. */
  whenOpen(tell: () => void): () => void;
}
