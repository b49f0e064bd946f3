import type { ClusterView, LoadedPartition } from '#core';

/** What a claim and a load brought. */
export interface Loaded extends LoadedPartition {
  readonly partition: number;
  readonly epoch: number;
}
export interface Claimed {
  /** PostgreSQL refused what it wrote: one message a commit. */
  readonly careful: boolean;
  /** From an owner that did not let go of it: a message may have killed it. */
  readonly unclean: boolean;
}
export type MembershipNews =
  | { readonly kind: 'view'; readonly view: ClusterView }
  | { readonly kind: 'loaded'; readonly loaded: Loaded; readonly how: Claimed }
  | { readonly kind: 'give-up'; readonly partition: number; readonly why: string }
  /** What these threads wait for is free: they need not wait for their next look. */
  | { readonly kind: 'freed'; readonly to: readonly string[] };
