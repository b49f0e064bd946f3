import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Context } from '../context.js';
import { wait } from './outcome.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Waits for a run that stays in this state, for three seconds. */
async function waitOn(state: string): Promise<{ code: number; notices: string[] }> {
  const notices: string[] = [];
  const waitingFor = [{ text: 'None can run it.', hint: 'See resumeJob.' }];
  const run = { id: 'r1', job: { name: 'nightly' }, waitingFor };
  const events = { nodes: [] };
  const runChanged = { id: 'r1', state, reason: null, submittedAt: 'then', events };
  const context = {
    format: 'json',
    terminal: {
      err: (text: string) => notices.push((JSON.parse(text) as { notice: string }).notice),
      isTerminal: false,
    },
    client: {
      url: 'http://there',
      request: async () => await Promise.resolve({ ok: true, value: { run } }),
      async *follow() {
        yield { ok: true, value: { runChanged } };
        await new Promise(() => undefined);
      },
    },
  } as unknown as Context;
  const code = wait.run(context, { timeout: '3s' }, ['r1']);
  await vi.advanceTimersByTimeAsync(3_000);
  return { code: await code, notices };
}

test('what does not start says once why, and at the end of the time how to ask', async () => {
  const { code, notices } = await waitOn('READY');
  expect(code).toBe(124);
  expect(notices).toEqual([
    'None can run it. See orrery jobs resume nightly.',
    expect.stringContaining('npx orrery runs explain r1') as string,
  ]);
});

test('what runs has nothing to explain', async () => {
  expect((await waitOn('RUNNING')).notices).toHaveLength(1);
});
