import type { Report } from './report.js';
import { measureBacklog } from './backlog.js';
import { System } from './system.js';

/** As `npm start` has it by default. */
const PARTITIONS = 64;
const SLOTS = 50;
const SAMPLES = 30;
const PRIORITIES = [1, 5];

/** 100,000 submissions that nobody can run; then one executor that can. */
export async function benchWaiting(runs: number): Promise<Report> {
  const system = await System.start(10);
  const client = system.client();
  try {
    const { mqtt, processes } = system.endpoint;
    const schedulerPid = processes.find(({ role }) => role === 'scheduler')?.pid ?? 0;
    const figures = await measureBacklog(
      { client, mqtt, schedulerPid, partitions: PARTITIONS },
      { runs, slots: SLOTS, priorities: PRIORITIES, samples: SAMPLES },
    );
    const settings = { slots: SLOTS, partitions: PARTITIONS, priorities: PRIORITIES.join() };
    return { scenario: 'a backlog that waits for an executor', settings, rows: [{ ...figures }] };
  } finally {
    await client.close();
    await system.stop();
  }
}
