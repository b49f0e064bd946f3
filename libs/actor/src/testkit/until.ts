import type { Millis } from '../machine.js';

const POLL_MS = 1;

/** Waits for a condition, never for a duration; past its bound it fails with what it waited for. */
export async function until(condition: () => boolean, boundMs: Millis): Promise<void> {
  const deadline = performance.now() + boundMs;
  while (!condition()) {
    if (performance.now() >= deadline) {
      throw new Error(`not so within ${boundMs} ms: ${condition.toString()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
