import { expect, it } from 'vitest';
import type { LogFields } from './logger.js';
import { createThrottle } from './throttle.js';
import type { Throttled } from './throttle.js';

interface World {
  readonly throttled: Throttled;
  readonly written: (readonly [string, LogFields])[];
  readonly advance: (byMs: number) => void;
}

function world(): World {
  let clockMs = 1_000;
  const written: (readonly [string, LogFields])[] = [];
  const log = (message: string, fields: LogFields = {}): void =>
    void written.push([message, fields]);
  const logger = { debug: log, info: log, warn: log, error: log };
  return {
    throttled: createThrottle({ logger, nowMs: () => clockMs }),
    written,
    advance: (byMs) => void (clockMs += byMs),
  };
}

it('writes once a window and then says how many it swallowed', () => {
  const { throttled, written, advance } = world();
  for (let index = 0; index < 5; index++) throttled('db', 60_000).warn('down', { index });
  advance(59_999);
  throttled('db', 60_000).warn('down', { index: 5 });
  advance(1);
  throttled('db', 60_000).warn('down', { index: 6 });
  expect(written).toEqual([
    ['down', { index: 0 }],
    ['down', { index: 6, swallowed: 5 }],
  ]);
});

it('keeps keys apart', () => {
  const { throttled, written } = world();
  throttled('a').warn('a');
  throttled('b').error('b');
  throttled('a').warn('a');
  expect(written.map(([message]) => message)).toEqual(['a', 'b']);
});

it('defaults to a minute', () => {
  const { throttled, written, advance } = world();
  throttled('a').info('a');
  advance(59_999);
  throttled('a').info('a');
  expect(written).toHaveLength(1);
  advance(1);
  throttled('a').info('a');
  expect(written).toHaveLength(2);
});

it('forgets the oldest of a thousand keys instead of growing without end', () => {
  const { throttled, written } = world();
  for (let index = 0; index <= 1_000; index++) throttled(`key-${index}`).warn('x');
  throttled('key-1000').warn('still known');
  throttled('key-0').warn('forgotten, so written');
  expect(written).toHaveLength(1_002);
});
