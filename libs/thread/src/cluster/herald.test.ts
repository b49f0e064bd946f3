import { expect, test } from 'vitest';
import { decodeEnvelope, softCodec, topicsOf } from '#protocol';
import { Post } from '../post.js';
import { Herald } from './herald.js';

test('a claim is told to all others and to gateways, before any word that follows', () => {
  const said: [string, unknown][] = [];
  const publish = (topic: string, payload: string): void => {
    const decoded = decodeEnvelope(softCodec, Buffer.from(payload));
    said.push([topic, decoded.ok ? decoded.envelope.items : decoded.why]);
  };
  const post = new Post({ publish }, topicsOf('main'), 't1');
  const herald = new Herald('t1', post, () => ['t2', 't3']);
  herald.owned(4, 7);
  post.toThread('t2', { kind: 'nudge', partition: 4 });
  herald.left();
  const owned = { kind: 'owned', partition: 4, thread: 't1', epoch: 7 };
  const left = { kind: 'left', thread: 't1' };
  expect(said).toEqual([
    ['orrery/v1/main/s/t2/in', [owned, { kind: 'nudge', partition: 4 }, left]],
    ['orrery/v1/main/s/t3/in', [owned, left]],
    ['orrery/v1/main/owned/t1', [owned]],
  ]);
});
