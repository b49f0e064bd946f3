import { expect, test, vi } from 'vitest';
import { LIMITS, partitionMachine } from '#core';
import { OwnedPartition } from './owned.js';
import { Stepper } from './stepper.js';

const quiet = (): void => undefined;

test('deafness comes before the time that waits in a careful partition, and ends silences', () => {
  const seen: string[] = [];
  vi.spyOn(partitionMachine, 'step').mockImplementation((state, { kind }) => {
    seen.push(kind);
    return state;
  });
  let isUnanswered = true;
  const host = {
    ...{ now: () => 0, mono: () => 0, output: quiet, stepped: quiet, drop: quiet, giveUp: quiet },
    batchOf: () => ({}) as never,
    holds: () => isUnanswered,
  };
  const stepper = new Stepper(host, { debug: quiet, info: quiet, warn: quiet, error: quiet });
  const loaded = { partition: 1, epoch: 1, seq: 0, executors: [] };
  const owned = new OwnedPartition(loaded, 'life', 0, true, LIMITS);
  stepper.deliver(owned, { kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  stepper.deliver(owned, { kind: 'tick' });
  stepper.deliver(owned, { kind: 'deaf' });
  isUnanswered = false;
  stepper.settled(owned);
  expect(seen).toEqual(['deaf', 'tick']);
});
