import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '#core';
import { type BacklogFigures, measureBacklog } from '../../../bench/backlog.js';
import { Orrery } from '../support/orrery.js';

/** In CI the short form; the issue's own size is ORRERY_E2E_WAITING=100000. */
const RUNS = Number(process.env['ORRERY_E2E_WAITING'] ?? 4_000);
const IS_SHORT = RUNS < 20_000;
/** The short form has few, so that its lanes too are longer than their windows. */
const PARTITIONS = IS_SHORT ? 2 : 64;
const PRIORITIES = [1, 5];
const SLOTS = 50;
/**
 * One thread in the short form: a partition that changes hands while it is drained (the second
 * thread asks for its share ten seconds after the start) resends what nobody has claimed, late.
 */
const VARIABLES = {
  ORRERY_PARTITIONS: String(PARTITIONS),
  ...(IS_SHORT ? { ORRERY_SCHEDULER_THREADS: '1' } : {}),
};

const orrery = new Orrery(undefined, VARIABLES);
let figures: BacklogFigures;

beforeAll(
  async () => {
    const endpoint = await orrery.start();
    const client = orrery.client();
    const [schedulerPid = 0] = orrery.pidsOf('scheduler');
    try {
      figures = await measureBacklog(
        { client, mqtt: endpoint.mqtt, schedulerPid, partitions: PARTITIONS },
        { runs: RUNS, slots: SLOTS, priorities: PRIORITIES, samples: IS_SHORT ? 10 : 30 },
      );
    } finally {
      await client.close();
    }
    if (!IS_SHORT) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  },
  90_000 + RUNS * 3,
);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

describe(`${RUNS} runs that nobody can run, until somebody comes`, () => {
  test('all are acknowledged, and each starts once when somebody can', () => {
    expect(figures.accepted).toBe(RUNS);
    expect(figures.drained).toBe(RUNS);
    expect(figures.starts).toBe(RUNS);
  });

  test('what waits costs disk, not memory: the scheduler stays under 300 MB', () => {
    // Where a process does not tell its memory the figure is NaN, and nothing is said.
    expect(figures['MB waiting']).not.toBeGreaterThan(300);
  });

  /**
   * Semantics §6.3: rank = readyAt + (priority - 1) × ageStep, then id. The pool gives out the
   * lowest place among what is offered to it, and of each lane of each partition the head is
   * offered: at most a window of it. So a run that is not yet offered, because its lane's next
   * head is being read, can be overtaken by no more than all the other heads. Beside that, what
   * runs side by side in one executor starts in any order.
   */
  test('they start in order of rank, across partitions to within the offered heads', () => {
    const heads = PARTITIONS * PRIORITIES.length * LIMITS.window;
    // Else nothing would be said: the first could be the last.
    expect(heads + SLOTS).toBeLessThan(RUNS / 4);
    expect(figures.overtakenMax).toBeLessThanOrEqual(heads + SLOTS);
  });

  test('in one lane nothing is overtaken but by what runs beside it', () => {
    // In the long form a partition may change hands meanwhile: see VARIABLES.
    const handed = IS_SHORT ? 0 : LIMITS.window;
    expect(figures.overtakenInLaneMax).toBeLessThanOrEqual(SLOTS + handed);
  });

  test('a run for a pool that has executors does not wait behind them', () => {
    // Behind thousands that nobody can run it would not end at all.
    expect(figures['other p50 behind']).toBeLessThan(500);
    expect(figures['other max behind']).toBeLessThan(5_000);
  });
});
