import type { Millis } from '../kernel/machine.js';

/** What an executor's birth says to its own cell. */
export interface Birth {
  readonly executor: string;
  readonly session: string;
  readonly incarnation: number | null;
  readonly life: string | null;
  readonly pool: string;
  readonly detail: ExecutorDetail;
}
export interface ExecutorDetail {
  readonly name: string;
  readonly version: string;
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly draining: boolean;
}

export interface ExecutorCell {
  readonly id: string;
  readonly pool: string;
  readonly state: ExecutorState;
  /** The incarnation it has said itself; 0: none yet. */
  readonly incarnation: number;
  /** The highest number that was ever handed out to it. */
  readonly handed: number;
  readonly since: Millis;
  readonly session: string;
  readonly detail: ExecutorDetail;
  readonly closed: Closed | null;
}
/** A person wants it to be given nothing new. It outlives the executor's sessions. */
export interface Closed {
  readonly as: 'DRAINING' | 'CORDONED';
  readonly by: string;
  readonly reason: string;
  readonly at: Millis;
  /** What runs on it by then is stopped; null: it may end. */
  readonly emptyBy: Millis | null;
}
export const EXECUTOR_STATES = [
  'ACTIVE',
  'DRAINING',
  'CORDONED',
  'QUARANTINED',
  'OFFLINE',
] as const;
export type ExecutorState = (typeof EXECUTOR_STATES)[number];

/** An inbox row: a person closes an executor, or opens it again (`as: null`). */
export interface Close {
  readonly kind: 'close';
  readonly inbox: string;
  readonly executor: string;
  readonly as: Closed['as'] | null;
  readonly by: string;
  readonly reason: string;
  /** Of a drain: how long what runs may go on; null: to its end. */
  readonly withinMs: Millis | null;
}
