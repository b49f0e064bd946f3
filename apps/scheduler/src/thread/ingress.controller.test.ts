import { expect, test } from 'vitest';
import { encodePresence, topicsOf } from '#protocol';
import { createCounters } from '#telemetry';
import type { ThreadMessage } from '#thread';
import type { LogWriter } from './log-writer.js';
import { IngressController } from './ingress.controller.js';

const topic = topicsOf('main').schedulerPresence('scheduler-2.0');

test('a scheduler of another installation is no peer: it is told as an error', () => {
  const told: ThreadMessage[] = [];
  const errors: unknown[] = [];
  const quiet = (): void => undefined;
  const error = (text: string, about: unknown): void => void errors.push([text, about]);
  const ingress = new IngressController({
    life: 'ours',
    tell: (message) => told.push(message),
    logs: {} as LogWriter,
    counters: createCounters(),
    throttled: () => ({ debug: quiet, info: quiet, warn: quiet, error }) as never,
  });
  const said = (life: string): void => {
    const payload = Buffer.from(encodePresence({ v: 1, state: 'birth', session: life, life }));
    ingress.schedulers([{ topic, payload } as never]);
  };
  said('theirs');
  expect(told).toEqual([]);
  expect(errors).toEqual([
    [
      'a scheduler of another installation uses this broker under the name of our cluster',
      { thread: 'scheduler-2.0', life: 'theirs', ours: 'ours' },
    ],
  ]);
  said('ours');
  expect(told).toMatchObject([{ kind: 'scheduler', thread: 'scheduler-2.0' }]);
  expect(errors).toHaveLength(1);
});
