import { describe, expect, it } from 'vitest';
import {
  BACKOFF_MS_MAX,
  backoffMs,
  type ChildEffect,
  type ChildMessage,
  type ChildState,
  HEALTHY_MS,
  step,
} from './child.machine.js';

const NOW = 100_000;
const idle: ChildState = { kind: 'idle' };
const starting: ChildState = { kind: 'starting', failures: 2 };
const ready: ChildState = { kind: 'ready', failures: 2, sinceMs: NOW - 1_000 };
const healthy: ChildState = { kind: 'ready', failures: 2, sinceMs: NOW - HEALTHY_MS };
const backingOff: ChildState = { kind: 'backing-off', failures: 2 };
const stopping: ChildState = { kind: 'stopping' };
const ended: ChildState = { kind: 'ended' };

type Row = readonly [ChildState, ChildMessage['kind'], ChildState, ...ChildEffect[]];

const wait = (delayMs: number): ChildEffect => ({ kind: 'wait', delayMs });

const table: readonly Row[] = [
  [idle, 'start', { kind: 'starting', failures: 0 }, { kind: 'spawn' }],
  [idle, 'stop', ended, { kind: 'ended' }],
  [idle, 'exited', idle],
  [idle, 'retry', idle],
  [idle, 'reported', idle],
  [starting, 'start', starting],
  [starting, 'reported', { kind: 'ready', failures: 2, sinceMs: NOW }],
  [starting, 'exited', { kind: 'backing-off', failures: 3 }, wait(400)],
  [starting, 'retry', starting],
  [starting, 'stop', stopping, { kind: 'terminate' }],
  [ready, 'start', ready],
  [ready, 'reported', ready],
  [ready, 'exited', { kind: 'backing-off', failures: 3 }, wait(400)],
  [healthy, 'exited', { kind: 'backing-off', failures: 1 }, wait(100)],
  [ready, 'retry', ready],
  [ready, 'stop', stopping, { kind: 'terminate' }],
  [backingOff, 'start', backingOff],
  [backingOff, 'reported', backingOff],
  [backingOff, 'exited', backingOff],
  [backingOff, 'retry', { kind: 'starting', failures: 2 }, { kind: 'spawn' }],
  [backingOff, 'stop', ended, { kind: 'forget-wait' }, { kind: 'ended' }],
  [stopping, 'start', stopping],
  [stopping, 'reported', stopping],
  [stopping, 'exited', ended, { kind: 'ended' }],
  [stopping, 'retry', stopping],
  [stopping, 'stop', stopping],
  [ended, 'start', ended],
  [ended, 'reported', ended],
  [ended, 'exited', ended],
  [ended, 'retry', ended],
  [ended, 'stop', ended],
];

describe('child machine', () => {
  const rows = table.map(([state, kind, next, ...wanted]) => ({ state, kind, next, wanted }));
  it.each(rows)('$state.kind on $kind becomes $next.kind', ({ state, kind, next, wanted }) => {
    const effects: ChildEffect[] = [];
    expect(step(state, { kind }, NOW, (effect) => effects.push(effect))).toEqual(next);
    expect(effects).toEqual(wanted);
  });

  it('invariant 2: the back-off doubles from 100 ms to its bound, for ever', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 1_000].map(backoffMs)).toEqual([
      100,
      200,
      400,
      800,
      1_600,
      3_200,
      BACKOFF_MS_MAX,
      BACKOFF_MS_MAX,
    ]);
  });

  it('invariants 1, 3, 4: hold in every sequence of six messages', () => {
    const kinds = ['start', 'reported', 'exited', 'retry', 'stop'] as const;
    const broken: string[] = [];
    for (let sequence = 0; sequence < kinds.length ** 6; sequence++) {
      let state: ChildState = idle;
      let alive = 0;
      let stopped = false;
      let told = 0;
      for (let at = 0, rest = sequence; at < 6; at++, rest = Math.floor(rest / kinds.length)) {
        const kind = kinds[rest % kinds.length] ?? 'start';
        if (kind === 'exited' && alive === 0) continue; // nobody can exit
        if (kind === 'exited') alive -= 1;
        stopped ||= kind === 'stop';
        state = step(state, { kind }, NOW, (effect) => {
          if (effect.kind === 'ended') told += 1;
          if (effect.kind !== 'spawn') return;
          alive += 1;
          if (stopped) broken.push(`3 at ${sequence}`);
        });
        if (alive > 1) broken.push(`1 at ${sequence}`);
        if (told !== (state.kind === 'ended' ? 1 : 0)) broken.push(`4 at ${sequence}`);
      }
    }
    expect(broken).toEqual([]);
  });
});
