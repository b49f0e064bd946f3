import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '#actor';
import type { LogChunk } from '#protocol';
import type { Attempt } from '../runners/runner.js';
import { LogShipper } from './shipper.js';

const attempt: Attempt = {
  key: 'k',
  partition: 3,
  token: { run: 'r', attempt: 2, executor: 'x', incarnation: 1, epoch: 1, seq: 1 },
  work: {
    ...{ kind: 'SHELL', spec: '{}', params: null, project: 'p', job: 'j' },
    ...{ timeoutMs: 0, graceMs: 0, heartbeatMs: null, stopAfterMs: null },
  },
  spec: { kind: 'function', name: 'f' },
  acceptedAt: Date.UTC(2026, 4, 31, 23, 59, 59),
};

let clock: ManualClock;
let sent: LogChunk[];
let isUp: boolean;
let shipper: LogShipper;

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  isUp = true;
  const publish = (_partition: number, chunks: readonly LogChunk[]): boolean => {
    if (isUp) sent.push(...chunks);
    return isUp;
  };
  shipper = new LogShipper(publish, clock);
});

it('sends what was written within a tenth of a second, with offsets in bytes', () => {
  shipper.write(attempt, 'stdout', Buffer.from('é1'));
  shipper.write(attempt, 'stderr', Buffer.from('x'));
  clock.advance(100);
  shipper.write(attempt, 'stdout', Buffer.from('2'));
  clock.advance(100);
  expect(sent).toMatchObject([
    { run: 'r', attempt: 2, partition: 3, day: '2026-05-31', stream: 'stdout', offset: 0 },
    { stream: 'stderr', offset: 0, body: 'x' },
    { stream: 'stdout', offset: 3, body: '2' },
  ]);
});

it('splits no character, whatever the chunks', () => {
  const text = 'aé😀'.repeat(20_000);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1_001) {
    shipper.write(attempt, 'stdout', bytes.subarray(at, at + 1_001));
    if (at % 7 === 0) shipper.flush();
  }
  shipper.end(attempt);
  let all = '';
  for (const { offset, body } of sent) {
    expect(offset).toBe(Buffer.byteLength(all));
    all += body;
  }
  expect(all).toBe(text);
});

it('asks a stream to wait that says too much, and lets it go on at the next flush', () => {
  let resumed = 0;
  const flood = Buffer.alloc(200_000, 0x61);
  expect(shipper.write(attempt, 'stdout', flood, () => resumed++)).toBe(true);
  expect(shipper.write(attempt, 'stdout', flood, () => resumed++)).toBe(false);
  expect(resumed).toBe(0);
  clock.advance(100);
  expect(resumed).toBe(1);
});

it('keeps what nobody could be told, and drops the oldest above its bound', () => {
  isUp = false;
  for (let i = 0; i < 60; i++) {
    shipper.write(attempt, 'stdout', Buffer.alloc(100_000, 0x61));
    clock.advance(100);
  }
  isUp = true;
  clock.advance(100);
  expect(shipper.dropped).toBeGreaterThan(0);
  const [first] = sent;
  const last = sent.at(-1);
  expect(first?.offset).toBeGreaterThan(1_000_000);
  expect((last?.offset ?? 0) + (last?.body.length ?? 0)).toBe(6_000_000);
});
