import type { Incident } from '../kernel.js';
import type { Millis } from '../machine.js';
import type { Address, StopReason } from '../refs.js';

/**
 * What crosses between threads, always as an array of frames, one `postMessage` a turn.
 * `to` and `from` are threads; a worker's frames for another worker are passed on by the main one.
 */
export type Frame =
  | SpawnFrame
  | BatchFrame
  | RoomFrame
  | StopFrame
  | WatchFrame
  | EndedFrame
  | LostFrame
  | IncidentFrame
  | ShutdownFrame;

/** Which properties of a message are refs and stand as their addresses; none: the message is. */
export type RefKeys = readonly string[];

export interface SpawnFrame {
  readonly kind: 'spawn';
  readonly to: number;
  readonly from: number;
  readonly address: Address;
  readonly module: string;
  readonly export: string;
  readonly args: unknown;
  readonly refs: RefKeys | undefined;
}

/** Consecutive messages for one actor. */
export interface BatchFrame {
  readonly kind: 'batch';
  readonly to: number;
  readonly from: number;
  readonly incarnation: number;
  readonly messages: unknown[];
  /** Index of a message, and its refs. */
  readonly refs: (readonly [number, RefKeys])[];
}

/** Credit back to the sender: so many messages have left the window. */
export interface RoomFrame {
  readonly kind: 'room';
  readonly to: number;
  readonly from: number;
  readonly incarnation: number;
  readonly count: number;
}

export interface StopFrame {
  readonly kind: 'stop';
  readonly to: number;
  readonly incarnation: number;
  readonly reason: StopReason;
}

export interface WatchFrame {
  readonly kind: 'watch';
  readonly to: number;
  readonly from: number;
  readonly address: Address;
}

export interface EndedFrame {
  readonly kind: 'ended';
  readonly to: number;
  readonly address: Address;
  readonly reason: StopReason;
  readonly error: unknown;
  readonly escalated: boolean;
}

export interface LostFrame {
  readonly kind: 'lost';
  readonly to: number;
  readonly thread: number;
}

export interface IncidentFrame {
  readonly kind: 'incident';
  readonly to: number;
  readonly incident: Incident;
}

export interface ShutdownFrame {
  readonly kind: 'shutdown';
  readonly to: number;
  readonly withinMs: Millis;
}
