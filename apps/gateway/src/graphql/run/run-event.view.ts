import type { RunEvent as CoreEvent } from '#core';
import type { RunEvent } from './run-event.model.js';

export function toRunEvent(event: CoreEvent): RunEvent {
  const { at, type, from, to, attempt, actor, data } = event;
  const attempts = attempt > 0 ? attempt : null;
  return { at, type, from, to, attempt: attempts, actor, data, runId: event.run };
}
