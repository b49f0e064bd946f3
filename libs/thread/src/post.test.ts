import { beforeEach, describe, expect, test } from 'vitest';
import type { Token } from '#core';
import {
  type Down,
  MAX_MESSAGE_BYTES,
  type Soft,
  decodeEnvelope,
  downCodec,
  softCodec,
  topicsOf,
} from '#protocol';
import { Post } from './post.js';

interface Published {
  readonly topic: string;
  readonly payload: Buffer;
}

let published: Published[];
let post: Post;

beforeEach(() => {
  published = [];
  const publish = (topic: string, payload: Buffer | string): boolean => {
    published.push({ topic, payload: Buffer.from(payload) });
    return true;
  };
  post = new Post({ publish }, topicsOf('test'), 't1');
});

const from = { partition: 1, epoch: 1, floor: { epoch: 1, seq: 1 } } as const;
const tokenOf = (seq: number): Token => ({
  run: 'run',
  attempt: 1,
  executor: 'x1',
  incarnation: 1,
  epoch: 1,
  seq,
});
function assign(seq: number, spec: string, params: string | null = null): Down {
  const names = { kind: 'SHELL', project: 'demo', job: 'job' } as const;
  const work = {
    ...names,
    spec,
    params,
    timeoutMs: 1,
    graceMs: 1,
    heartbeatMs: null,
    stopAfterMs: null,
  };
  return { kind: 'assign', ...from, token: tokenOf(seq), work };
}
const cancel = (seq: number, why: string): Down => {
  return { kind: 'cancel', ...from, token: tokenOf(seq), graceMs: 1, why };
};

/** As the executor reads them: a message above the bound is none. */
const received = (): Down[] =>
  published.flatMap(({ payload }) => {
    const decoded = decodeEnvelope(downCodec, payload);
    return decoded.ok ? [...decoded.envelope.items] : [];
  });
const largest = (): number => Math.max(...published.map(({ payload }) => payload.length));

describe('a message is at most 1 MiB, whatever it is made of (architecture §3, Bodies)', () => {
  const KIB = 1_024;
  test.each<[string, (seq: number) => Down]>([
    ['characters of three bytes', (seq) => assign(seq, '語'.repeat(60 * KIB))],
    ['texts that double when they are quoted', (seq) => assign(seq, '"'.repeat(200 * KIB))],
    ['params and specifications', (seq) => assign(seq, '{}', `"${'x'.repeat(250 * KIB)}"`)],
    ['reasons of cancels', (seq) => cancel(seq, 'why '.repeat(20 * KIB))],
  ])('%s: cut into several, all of it arrives, in order', (_what, item) => {
    const items = Array.from({ length: 40 }, (_, seq) => item(seq));
    for (const each of items) expect(post.toExecutor('x1', 's1', each)).toBe(true);
    post.flush();
    expect(received()).toEqual(items);
    expect(largest()).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
  });

  test('small items share messages: a hundred and some in each', () => {
    for (let seq = 0; seq < 300; seq++) post.toExecutor('x1', 's1', cancel(seq, 'enough'));
    post.flush();
    expect(published).toHaveLength(3);
    expect(received()).toHaveLength(300);
  });

  test('what fits alone, if only just, is sent; what does not is said to be too large', () => {
    const lengthOf = (item: Down): number => {
      expect(post.toExecutor('x1', 's1', item)).toBe(true);
      post.flush();
      return published.at(-1)?.payload.length ?? 0;
    };
    const room = MAX_MESSAGE_BYTES - lengthOf(assign(1, ''));
    expect(lengthOf(assign(2, 'x'.repeat(room)))).toBe(MAX_MESSAGE_BYTES);
    expect(post.toExecutor('x1', 's1', assign(3, 'x'.repeat(room + 1)))).toBe(false);
    post.toExecutor('x1', 's1', cancel(4, 'enough'));
    post.flush();
    expect(received().map((item) => 'token' in item && item.token.seq)).toEqual([1, 2, 4]);
  });

  test('hints between threads are cut by their bytes too', () => {
    const row = '語'.repeat(4 * KIB);
    const items = Array.from({ length: 300 }, (): Soft => {
      return { kind: 'submitted', partition: 1, row };
    });
    for (const item of items) post.toThread('t2', item);
    post.flush();
    const heard = published.flatMap(({ payload }) => {
      const decoded = decodeEnvelope(softCodec, payload);
      return decoded.ok ? [...decoded.envelope.items] : [];
    });
    expect(heard).toEqual(items);
    expect(largest()).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
  });
});

test('one message is for one session: another begins a new one', () => {
  post.toExecutor('x1', 's1', cancel(1, 'enough'));
  post.toExecutor('x1', 's2', cancel(2, 'enough'));
  post.flush();
  const sessions = published.map(({ payload }) => {
    const decoded = decodeEnvelope(downCodec, payload);
    return decoded.ok ? decoded.envelope.session : undefined;
  });
  expect(sessions).toEqual(['s1', 's2']);
});
