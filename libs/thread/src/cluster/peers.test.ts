import { expect, test } from 'vitest';
import { Peers } from './peers.js';

const say = (peers: Peers, state: 'birth' | 'death', session: string): void =>
  peers.said(
    't2',
    state === 'birth' ? { v: 1, state, session, life: 'l' } : { v: 1, state, session },
  );

test('a last will counts for the session that was born, a late one of an older does not', () => {
  const peers = new Peers();
  say(peers, 'birth', 's1');
  say(peers, 'death', 's1');
  expect([...peers.dead]).toEqual(['t2']);
  say(peers, 'birth', 's2');
  expect([...peers.dead]).toEqual([]);
  say(peers, 'death', 's1');
  expect([...peers.dead]).toEqual([]);
});

test('a will of one whose birth was not heard counts', () => {
  const peers = new Peers();
  say(peers, 'death', 's1');
  expect([...peers.dead]).toEqual(['t2']);
});

test('who is no node any more is forgotten', () => {
  const peers = new Peers();
  say(peers, 'death', 's1');
  peers.keep([{ thread: 't2' }]);
  expect(peers.dead.size).toBe(1);
  peers.keep([]);
  expect(peers.dead.size).toBe(0);
});
