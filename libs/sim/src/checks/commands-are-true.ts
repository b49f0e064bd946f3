import { type CommandOutcome, RUN_STATES, nameOf } from '#core';
import type { Evidence } from './index.js';

/** Each command has one answer, and a cancel that was taken ends its run as cancelled. */
export function commandsAreTrue({ world, server, gateway }: Evidence): void {
  const { answers, history } = server.tables;
  for (const [id, { run, action }] of gateway.commands) {
    const text = answers.get(id);
    if (text === undefined) {
      world.violate('commands-are-answered', `${action.kind} ${id} of run ${run}`);
      continue;
    }
    const outcome = JSON.parse(text) as CommandOutcome;
    const row = history.get(run);
    if (action.kind !== 'cancel' || !outcome.ok || row === undefined) continue;
    const state = nameOf(RUN_STATES, row.state);
    if (state !== 'CANCELLED') {
      world.violate('one-outcome', `run ${run} is ${state}, its cancel was taken: ${row.record}`);
    }
  }
}
