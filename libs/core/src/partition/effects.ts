import type { Millis } from '../kernel/machine.js';
import type { Cell, Place, Token } from '../run/run.js';
import type { AuditedRow } from './messages.js';

/** Performed after every batch that was open or in flight at the step has been committed. */
export type Effect =
  | { readonly kind: 'assign'; readonly cell: Cell; readonly token: Token }
  | {
      readonly kind: 'stop';
      readonly token: Token;
      readonly graceMs: Millis;
      readonly why: string;
    }
  | {
      readonly kind: 'freeze';
      readonly token: Token;
      readonly on: boolean;
      readonly seq: number;
    }
  | { readonly kind: 'ack'; readonly token: Token; readonly of: 'result' | 'bounce' }
  | { readonly kind: 'digested'; readonly executor: string; readonly watermark: Place }
  | { readonly kind: 'ask-digest'; readonly executor: string }
  | {
      readonly kind: 'welcome';
      readonly executor: string;
      readonly session: string;
      readonly incarnation: number;
    }
  /** Floors are computed from committed state only: these keep it. */
  | { readonly kind: 'opened'; readonly token: Token }
  | { readonly kind: 'closed'; readonly token: Token }
  /** Reads are numbered: the answer says which it is. */
  | { readonly kind: 'fetch'; readonly run: string; readonly read: number }
  | { readonly kind: 'refill'; readonly lane: string; readonly read: number }
  | { readonly kind: 'refill-expiries'; readonly after: Millis }
  | { readonly kind: 'read-job'; readonly inbox: string; readonly job: string }
  | {
      readonly kind: 'read-held';
      readonly inbox: string;
      readonly job: string;
      readonly after: string | null;
      readonly read: number;
    }
  | {
      readonly kind: 'read-lanes';
      readonly after: Pick<AuditedRow, 'lane' | 'rank' | 'id'> | null;
      readonly read: number;
    }
  /** A run that nothing here would ever move: a defect. `reload`: the partition is loaded anew. */
  | {
      readonly kind: 'unexplained';
      readonly run: string;
      readonly what: string;
      readonly reload: boolean;
    };
