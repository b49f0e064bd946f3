import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '#actor';
import type { Token } from '#core';
import { type Up, decodeEnvelope, upCodec } from '#protocol';
import { Outgoing } from './outgoing.js';

const token = (seq: number): Token => ({
  ...{ run: `r${seq}`, attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq },
});
const started = (seq: number): Up => ({
  ...{ kind: 'started', partition: 0, token: token(seq), agoMs: 0 },
});
const result = (seq: number, json: string | null = null): Up => ({
  ...{ kind: 'result', partition: 0, token: token(seq), outcome: 'SUCCEEDED', result: json },
  ...{ startedAgoMs: 0, finishedAgoMs: 0, exitCode: null, signal: null, error: null },
  ...{ cpuMs: null, memoryPeakBytes: null },
});

let clock: ManualClock;
let sent: { readonly thread: string; readonly bytes: number; readonly items: readonly Up[] }[];
let session: string | null;
let outgoing: Outgoing;

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  session = 's';
  outgoing = new Outgoing({
    executor: 'x',
    clock,
    session: () => session,
    route: (partition) => (partition === 9 ? undefined : `t${partition}`),
    publish: (thread, payload) => {
      const read = decodeEnvelope(upCodec, payload);
      if (!read.ok) throw new Error(read.why);
      expect(read.envelope).toMatchObject({ sender: 'x', session: 's' });
      sent.push({ thread, bytes: payload.length, items: read.envelope.items });
      return true;
    },
  });
});

it('sends a message a thread and turn, of at most 100 items', () => {
  for (let i = 0; i < 150; i++) outgoing.send(result(i), 0);
  outgoing.send({ ...result(1), partition: 1 }, 0);
  outgoing.send({ ...result(1), partition: 9 }, 0);
  outgoing.flush();
  expect(sent.map(({ thread, items }) => [thread, items.length])).toEqual([
    ['t0', 100],
    ['t0', 50],
    ['t1', 1],
  ]);
});

it('keeps a message below its bound', () => {
  for (let i = 0; i < 5; i++) outgoing.send(result(i, JSON.stringify('x'.repeat(100_000))), 0);
  outgoing.flush();
  expect(sent.map(({ items }) => items.length)).toEqual([2, 2, 1]);
});

it('holds a start back for a moment: its result says both', () => {
  outgoing.send(started(1), 0);
  outgoing.send(started(2), 0);
  outgoing.send(result(1), 0);
  clock.advance(5);
  outgoing.flush();
  const said = sent.flatMap(({ items }) => items.map((item) => item.kind));
  expect(said).toEqual(['result', 'started']);
});

it('tells the latest progress of an attempt that has not ended, twice a second', () => {
  for (let percent = 0; percent < 10; percent++) outgoing.report(0, token(1), percent, 'm');
  outgoing.report(0, token(2), 1, '');
  outgoing.send(result(2), 0);
  outgoing.flush();
  clock.advance(500);
  outgoing.flush();
  expect(sent[1]?.items).toMatchObject([{ kind: 'progress', percent: 9 }]);
});

it('says nothing without a session', () => {
  session = null;
  outgoing.send(result(1), 0);
  outgoing.flush();
  expect(sent).toEqual([]);
});
