import { beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '#core';
import {
  type Live,
  MAX_MESSAGE_BYTES,
  decodeEnvelope,
  decodeSegment,
  liveCodec,
  topicsOf,
} from '#protocol';
import { Batch } from './batch.js';
import { Followers } from './followers.js';
import { Post } from './post.js';

let payloads: Buffer[];
let post: Post;
let followers: Followers;

beforeEach(() => {
  payloads = [];
  const publish = (_topic: string, payload: Buffer | string): boolean => {
    payloads.push(Buffer.from(payload));
    return true;
  };
  post = new Post({ publish }, topicsOf('test'), 't1');
  followers = new Followers(post);
  followers.want([7], 0);
});

function eventOf(seq: number, message = ''): RunEvent {
  return {
    seq,
    at: 1_000 + seq,
    type: 'PROGRESSED',
    run: `run-${seq}`,
    project: 'project',
    job: null,
    from: null,
    to: null,
    attempt: 1,
    executor: 'x1',
    actor: null,
    data: { message },
  };
}

/** One commit of partition 7, as the committer hands it on. */
function committed(events: readonly RunEvent[]): void {
  const batch = new Batch();
  for (const event of events) batch.apply(7, 1, { kind: 'event', event });
  for (const partition of batch.partitions.values()) partition.seal();
  followers.publish(batch, 1);
  post.flush();
}

type Said = Extract<Live, { kind: 'segment' }>;
const segments = (): Said[] =>
  payloads.flatMap((payload) => {
    const decoded = decodeEnvelope(liveCodec, payload);
    if (!decoded.ok) throw new Error(decoded.why);
    return decoded.envelope.items.filter((item): item is Said => item.kind === 'segment');
  });

test.each<[string, RunEvent[]]>([
  ['many small events', Array.from({ length: 5_500 }, (_, i) => eventOf(11 + i))],
  [
    'events that say much',
    Array.from({ length: 600 }, (_, i) => eventOf(11 + i, 'x'.repeat(3_900))),
  ],
  [
    'characters of three bytes',
    Array.from({ length: 300 }, (_, i) => eventOf(11 + i, '語'.repeat(3_900))),
  ],
])('a commit of %s is cut at 1,000 events and 256 KiB, and nothing is missing', (_what, events) => {
  committed(events);
  const said = segments();
  expect(said.length).toBeGreaterThan(1);
  for (const { n, events: text } of said) {
    expect(n).toBeLessThanOrEqual(1_000);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(256 * 1_024);
  }
  // Contiguous: a follower finds no gap between them.
  expect(said.flatMap(({ seq, events: text }) => decodeSegment(text, seq))).toEqual(events);
  for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
});

test('a commit within the bounds is one segment: the text that the journal has', () => {
  committed([eventOf(1), eventOf(2)]);
  expect(segments()).toHaveLength(1);
  expect(segments()[0]).toMatchObject({ partition: 7, seq: 1, n: 2 });
});

test('nothing is said of what nobody follows, nor when the interest has lapsed', () => {
  followers = new Followers(post);
  committed([eventOf(1)]);
  followers.want([7], -10_000);
  committed([eventOf(2)]);
  expect(segments()).toEqual([]);
});
