import type { Machine } from '#core';
import type { EventSegment } from './event.js';

/**
 * One partition as it is followed: segments come over the wire (lost, repeated, in any order) and
 * from the journal (complete, on request), and are passed on once each, in order.
 *
 * States: `at` undefined (opening: nothing is passed on, segments are held), else following; and
 * beside it `reading` or not. Edges: opened → following; any → reading by a gap; page or unread →
 * not reading; broken → the shell gives the state up and opens a new one.
 *
 * F1  What is passed on is contiguous: the first passed event is opened.head + 1, each next is
 *     the last + 1, whatever is lost, repeated or reordered.
 * F2  Nothing above a gap is passed on before the gap is filled.
 * F3  While something below `head` is missing, a read is under way, or brought nothing and is asked
 *     again at the next word of anybody (heads are restated). At most one read is under way.
 * F4  At most heldEventsMax events and heldCharsMax characters of text are held; what does not fit
 *     is dropped and read again.
 * F5  A journal that lacks what it must have (retention, restore) breaks the partition, once.
 */
export interface FollowedPartition {
  /** Everything up to here was passed on. Undefined until the journal has said where it begins. */
  at: number | undefined;
  /** The highest seq that is said to be committed. */
  head: number;
  /** Segments above a gap, in order, none twice. */
  held: EventSegment[];
  heldEvents: number;
  heldChars: number;
  reading: boolean;
  /** Heard while a read was under way: the page may be older than this. */
  heardMeanwhile: number;
}

export type FollowMessage =
  | { readonly kind: 'opened'; readonly head: number }
  | { readonly kind: 'segment'; readonly segment: EventSegment }
  | { readonly kind: 'head'; readonly seq: number }
  | {
      readonly kind: 'page';
      readonly after: number;
      readonly head: number;
      readonly segments: readonly EventSegment[];
    }
  /** The read failed. */
  | { readonly kind: 'unread' };

export type FollowEffect =
  /** All of the segment's events but the first `skip`. */
  | { readonly kind: 'pass'; readonly segment: EventSegment; readonly skip: number }
  | { readonly kind: 'read'; readonly after: number }
  | { readonly kind: 'broken'; readonly why: 'gone' | 'backwards' };

export const FOLLOW = { heldEventsMax: 2_048, heldCharsMax: 1_024 * 1_024 } as const;

type Emit = (effect: FollowEffect) => void;

export const emptyFollowed = (): FollowedPartition => ({
  at: undefined,
  head: 0,
  held: [],
  heldEvents: 0,
  heldChars: 0,
  reading: false,
  heardMeanwhile: 0,
});

export const followMachine: Machine<FollowedPartition, FollowMessage, FollowEffect> = {
  step(state, message, _now, emit) {
    switch (message.kind) {
      case 'opened':
        if (state.at !== undefined) return state;
        state.at = message.head;
        state.head = Math.max(state.head, message.head);
        drain(state, emit);
        break;
      case 'segment':
        segment(state, message.segment, emit);
        break;
      case 'head':
        state.head = Math.max(state.head, message.seq);
        state.heardMeanwhile = Math.max(state.heardMeanwhile, message.seq);
        break;
      case 'page':
        if (!page(state, message, emit)) return state;
        break;
      case 'unread':
        // Not asked again here: a database that is down would be asked in a circle.
        state.reading = false;
        return state;
      default: {
        const never: never = message;
        return never;
      }
    }
    readOn(state, emit);
    return state;
  },
};

const endOf = (segment: EventSegment): number => segment.seq + segment.n - 1;

function segment(state: FollowedPartition, came: EventSegment, emit: Emit): void {
  state.head = Math.max(state.head, endOf(came));
  state.heardMeanwhile = Math.max(state.heardMeanwhile, endOf(came));
  if (state.at !== undefined && came.seq <= state.at + 1) {
    pass(state, came, emit);
    drain(state, emit);
  } else hold(state, came);
}

/** Says whether to read on at once. */
function page(
  state: FollowedPartition,
  message: FollowMessage & { kind: 'page' },
  emit: Emit,
): boolean {
  if (state.at === undefined) throw new Error('a page for a partition that asked for none');
  state.reading = false;
  const { after, head, segments } = message;
  const [first] = segments;
  const isGone = first === undefined ? head > after : first.seq > after + 1;
  if (head < after || isGone) {
    emit({ kind: 'broken', why: head < after ? 'backwards' : 'gone' });
    return false;
  }
  for (const each of segments) pass(state, each, emit);
  drain(state, emit);
  // A head that nobody but a stranger said is forgotten: else it would be read for without end.
  const lastHeld = state.held.at(-1);
  const held = lastHeld === undefined ? 0 : endOf(lastHeld);
  state.head = Math.max(state.at, head, held, state.heardMeanwhile);
  // A page of nothing is not asked for again before somebody says more.
  return segments.length > 0;
}

/** Repeats are dropped; what is partly new is passed on in part. */
function pass(state: FollowedPartition, came: EventSegment, emit: Emit): void {
  const at = state.at ?? 0;
  if (endOf(came) <= at) return;
  state.at = endOf(came);
  emit({ kind: 'pass', segment: came, skip: at + 1 - came.seq });
}

/** Passes on what is held and has nothing missing before it. */
function drain(state: FollowedPartition, emit: Emit): void {
  let taken = 0;
  for (const each of state.held) {
    if (each.seq > (state.at ?? 0) + 1) break;
    pass(state, each, emit);
    state.heldEvents -= each.n;
    state.heldChars -= each.chars;
    taken++;
  }
  if (taken > 0) state.held.splice(0, taken);
}

function hold(state: FollowedPartition, came: EventSegment): void {
  const fits =
    state.heldEvents + came.n <= FOLLOW.heldEventsMax &&
    state.heldChars + came.chars <= FOLLOW.heldCharsMax;
  if (!fits) return;
  // Nearly always the newest: the search from the end is short.
  let place = state.held.length;
  while (place > 0 && (state.held[place - 1]?.seq ?? 0) > came.seq) place--;
  if (state.held[place - 1]?.seq === came.seq) return;
  state.held.splice(place, 0, came);
  state.heldEvents += came.n;
  state.heldChars += came.chars;
}

function readOn(state: FollowedPartition, emit: Emit): void {
  if (state.at === undefined || state.reading || state.head <= state.at) return;
  state.reading = true;
  state.heardMeanwhile = 0;
  emit({ kind: 'read', after: state.at });
}
