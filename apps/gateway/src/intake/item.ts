import type { KeyClaim, NewCommand, NewRun, NewSpecification } from '#postgres';

/** One thing to be written. Items that are `bound` to each other are written together or not. */
export interface IntakeItem {
  readonly run?: NewRun;
  readonly specification?: NewSpecification;
  readonly command?: NewCommand;
  readonly key?: Omit<KeyClaim, 'ref'>;
}

/** What became of an item. Expected outcomes are values: a rejection would be a defect. */
export type Written =
  /** `at`: the time of submission, by the database's clock. */
  | { readonly kind: 'written'; readonly at: number }
  /** The key was used before with the same request: `ref` is what was written then. */
  | { readonly kind: 'replayed'; readonly ref: string }
  /** Another run holds its dedup key (2.4): that one stands for it. */
  | { readonly kind: 'folded'; readonly ref: string }
  /** The key was used before with another request. */
  | { readonly kind: 'conflict' }
  /** Too many wait already. Surely not written. */
  | { readonly kind: 'overloaded' }
  /** The database did not answer in time. Perhaps written: the key tells, at a repeat. */
  | { readonly kind: 'unavailable' }
  /** It can never be written; the log tells why, under the reference. */
  | { readonly kind: 'refused'; readonly reference: string }
  /** A neighbour in its atomic batch was not written. */
  | { readonly kind: 'withdrawn' };

export const refOf = (item: IntakeItem): string => item.run?.id ?? item.command?.id ?? '';
export const keyOf = ({ project, operation, key }: Omit<KeyClaim, 'ref'>): string =>
  `${project}\n${operation}\n${key}`;

export function bytesOf({ run, command, specification }: IntakeItem): number {
  const texts = [run?.params, run?.labels, command?.payload, specification?.body];
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 300);
}
