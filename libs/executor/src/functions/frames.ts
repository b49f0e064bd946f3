import type { EndError } from '#core';
import type { Usage } from '../runners/usage.js';

/** What crosses between the host and its worker threads: arrays, one message a turn. */
export interface Boot {
  readonly handlers: Readonly<Record<string, { readonly module: string; readonly export: string }>>;
  /** Places below. */
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
  | ({ readonly kind: 'result'; readonly id: number; readonly json: string } & Usage)
  | ({ readonly kind: 'error'; readonly id: number; readonly error: EndError } & Usage)
  | { readonly kind: 'log'; readonly id: number; readonly line: string; readonly bytes: number }
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly percent: number | null;
      readonly message: string;
    }
  /** A handler did what a thread does not survive: it gets no more calls. */
  | { readonly kind: 'retire'; readonly why: string }
  /** The language was changed in it: only whose doing that was is listened to; 0 is nobody. */
  | { readonly kind: 'spoiled'; readonly by: number; readonly why: string };

/** What a thread's shared memory holds: what the host reads while a handler holds the thread. */
export const PLACES = 6;
/** The last call whose handler was begun. */
export const BEGUN = 0;
/** 1 while a message to the thread is worked off. */
export const HELD = 1;
/** The call whose handler runs at this moment; 0 between calls, and in what they left for later. */
export const CURRENT = 2;
/** What it held beside its heap when it could last look, in KiB. */
export const BUFFERS_KIB = 3;
/** As the system knows the thread; 0 where it has no such number. */
export const SYSTEM_ID = 4;
/** Bytes of log that the host has passed on, modulo 2^32. */
export const PASSED_ON = 5;
