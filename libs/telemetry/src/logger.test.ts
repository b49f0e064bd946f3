import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.js';
import type { Logger, LogFormat, LogLevel } from './logger.js';

const at = new Date('2026-03-29T01:02:03.004Z');

function recording(level: LogLevel, format: LogFormat): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { log: createLogger({ level, format, role: 'gateway', write, now: () => at }), lines };
}

function only(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('json', () => {
  it('writes one line an event', () => {
    const { log, lines } = recording('debug', 'json');
    log.info('started', { port: 4000, big: 12n, note: 'two\nlines' });
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
    expect(only(lines)).toEqual({
      time: '2026-03-29T01:02:03.004Z',
      level: 'info',
      role: 'gateway',
      message: 'started',
      port: 4000,
      big: '12',
      note: 'two\nlines',
    });
  });

  it('carries class, message, stack, code and cause of an error', () => {
    class TornFrame extends Error {}
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const { log, lines } = recording('info', 'json');
    log.error('lost the broker', { error: new TornFrame('torn', { cause }) });
    expect(only(lines)['error']).toMatchObject({
      class: 'TornFrame',
      message: 'torn',
      stack: expect.stringContaining('logger.test') as string,
      cause: { class: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    });
  });

  it('keeps a field whose name is taken', () => {
    const { log, lines } = recording('info', 'json');
    log.info('hello', { level: 9 });
    expect(only(lines)).toMatchObject({ level: 'info', level_: 9 });
  });

  it('survives a cycle, a cause that is its own cause, and a getter that throws', () => {
    const { log, lines } = recording('info', 'json');
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    log.info('cycle', { cycle });
    const error = new Error('mine');
    error.cause = error;
    log.info('cause', { error });
    const trap = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    log.info('trap', { trap });
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
      'cycle',
      'cause',
      'trap',
    ]);
  });
});

describe('pretty', () => {
  it('writes a line for people, with an error and its stack below', () => {
    const { log, lines } = recording('info', 'pretty');
    log.warn('slow', { run: 'r-1', why: 'a long wait', tookMs: 12 });
    expect(lines).toEqual([
      '01:02:03.004 warn  gateway: slow run=r-1 why="a long wait" tookMs=12\n',
    ]);
    log.error('failed', { error: new TypeError('bad') });
    expect(lines[1]).toMatch(/^01:02:03\.004 error gateway: failed error='TypeError: bad'\n/);
    expect(lines[1]).toContain('logger.test');
  });
});

it.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('at level %s writes %d of four', (level, count) => {
  const { log, lines } = recording(level, 'json');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  expect(lines).toHaveLength(count);
});
