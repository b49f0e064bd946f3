import fs from 'node:fs';
import { SubscriptionError } from '#client';
import type { Orrery } from '../support/orrery.js';

export interface SeenEvent {
  readonly type: string;
  readonly attempt: number | null;
  readonly run: { readonly id: string };
}

const EVENTS = `subscription($after: Cursor) {
  runEvents(project: "demo", after: $after) { cursor events { type attempt run { id } } }
}`;

/** Follows everything, over every loss of its connection, from its last cursor. */
export class Follower {
  readonly events: SeenEvent[] = [];
  readonly finished = new Set<string>();
  reconnects = -1;
  private cursor: string | undefined;
  private stopped = false;
  private done: Promise<void> = Promise.resolve();

  constructor(private readonly orrery: Orrery) {}

  async start(): Promise<void> {
    let opened: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      opened = resolve;
    });
    this.done = this.follow(opened);
    await first;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async follow(opened: () => void): Promise<void> {
    while (!this.stopped) {
      const client = this.orrery.client();
      this.reconnects++;
      const watch = setInterval(() => {
        if (this.stopped) void client.close();
      }, 50);
      try {
        const variables = this.cursor === undefined ? {} : { after: this.cursor };
        for await (const { runEvents } of client.subscribe<{
          runEvents: { cursor: string; events: SeenEvent[] };
        }>(EVENTS, variables)) {
          this.cursor = runEvents.cursor;
          opened();
          for (const event of runEvents.events) {
            this.events.push(event);
            if (event.type === 'FINISHED') this.finished.add(event.run.id);
          }
          if (this.stopped) break;
        }
      } catch (error) {
        const isWeather = error instanceof SubscriptionError || error instanceof Error;
        if (!isWeather) throw error;
        await new Promise((resolve) => setImmediate(resolve));
      } finally {
        clearInterval(watch);
        await client.close();
      }
    }
  }
}

/** What the jobs themselves wrote: `run attempt`, one line a start. */
export function startsOf(file: string): Map<string, number> {
  const starts = new Map<string, number>();
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n')) {
    if (line !== '') starts.set(line, (starts.get(line) ?? 0) + 1);
  }
  return starts;
}
