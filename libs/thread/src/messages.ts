import type { Beat, Death, ExecutorBirth, SchedulerBirth, Soft, Up } from '#protocol';
import type { MembershipNews } from './cluster/news.js';
import type { CommitNews } from './committer.js';
import type { ReaderNews } from './reader.js';

/** Everything that reaches a scheduler thread, through its one mailbox. */
export type ThreadMessage =
  | { readonly kind: 'soft'; readonly items: readonly Soft[] }
  | { readonly kind: 'up'; readonly executor: string; readonly items: readonly Up[] }
  | {
      readonly kind: 'presence';
      readonly executor: string;
      readonly presence: ExecutorBirth | Death;
    }
  | { readonly kind: 'beat'; readonly executor: string; readonly beat: Beat }
  | {
      readonly kind: 'scheduler';
      readonly thread: string;
      readonly presence: SchedulerBirth | Death;
    }
  | { readonly kind: 'want'; readonly partitions: readonly number[] }
  | { readonly kind: 'link'; readonly up: boolean }
  | CommitNews
  | ReaderNews
  | MembershipNews
  /** Something may be due. */
  | { readonly kind: 'alarm' }
  /** A second has passed: restate, compare levels, sweep. */
  | { readonly kind: 'second' };

/** Results, ownership and commits are read before submissions (architecture §4, Bounds). */
export const laneOfMessage = (message: ThreadMessage): 0 | 1 => (message.kind === 'soft' ? 1 : 0);
