import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createExecutor } from '#executor';
import { APPLY, ask, submitAll } from './backlog.js';
import type { System } from './system.js';

const SLOTS_EACH = 2_500;
const STARTED_MS = 120_000;

/** Work that is there all the while: some of it executes without end, some waits for nobody. */
export class Stock {
  private readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-stock-'));
  private readonly executors: ReturnType<typeof createExecutor>[] = [];
  private readonly over = new AbortController();
  private started = 0;

  constructor(private readonly system: System) {}

  async lay({ live, waiting }: { readonly live: number; readonly waiting: number }): Promise<void> {
    await this.apply('waits', 'nobody');
    await this.apply('holds', 'busy');
    for (let n = 0; n * SLOTS_EACH < live; n++) await this.begin(`busy-${n}`);
    const client = this.system.client();
    try {
      await submitAll(client, 'holds', { runs: live, priorities: [5] });
      await submitAll(client, 'waits', { runs: waiting, priorities: [1, 5] });
    } finally {
      await client.close();
    }
    const until = Date.now() + STARTED_MS;
    while (this.started < live) {
      if (Date.now() > until) throw new Error(`${this.started} of ${live} have started`);
      await sleep(100);
    }
  }

  async clear(): Promise<void> {
    this.over.abort();
    await Promise.all(this.executors.map(async (each) => await each.stop({ drainMs: 0 })));
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  private async apply(name: string, pool: string): Promise<void> {
    const client = this.system.client();
    try {
      const spec = { kind: 'function', name, pool };
      await ask(client, APPLY, { input: { project: 'demo', name, spec } });
    } finally {
      await client.close();
    }
  }

  private async begin(id: string): Promise<void> {
    const executor = createExecutor({
      mqttUrl: this.system.endpoint.mqtt,
      directory: path.join(this.directory, id),
      id,
      pool: 'busy',
      slots: SLOTS_EACH,
      handlers: {
        holds: async () => {
          this.started++;
          await new Promise((resolve) => this.over.signal.addEventListener('abort', resolve));
        },
      },
    });
    this.executors.push(executor);
    await executor.start();
  }
}
