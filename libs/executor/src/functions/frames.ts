import type { EndError } from '#core';

/** What crosses between the host and its worker threads: arrays, one message a turn. */
export interface Boot {
  readonly handlers: Readonly<Record<string, { readonly module: string; readonly export: string }>>;
  /** [0]: the last call taken up; [1]: 1 while a handler holds the thread. */
  readonly state: SharedArrayBuffer;
}

export interface Call {
  readonly id: number;
  readonly handler: string;
  readonly params: string | null;
  readonly run: string;
  readonly attempt: number;
  readonly job: string;
  readonly project: string;
}

export type ToThread =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'abort'; readonly id: number };

export type FromThread =
  | { readonly kind: 'result'; readonly id: number; readonly json: string }
  | { readonly kind: 'error'; readonly id: number; readonly error: EndError }
  | { readonly kind: 'log'; readonly id: number; readonly line: string }
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly percent: number | null;
      readonly message: string;
    }
  /** A handler did what a thread does not survive: it gets no more calls. */
  | { readonly kind: 'retire'; readonly why: string };

export const TAKEN = 0;
export const HELD = 1;
