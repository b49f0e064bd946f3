import { Poster, type System } from './system.js';

const CONNECTIONS = 100;
const TICK_MS = 5;
const SINGLE = JSON.stringify({
  query: `mutation { submitRun(input: { project: "demo", job: "noop" }) {
    run { id } userErrors { code message } } }`,
});

/** As `Date.now()`, and finer. */
const now = (): number => performance.timeOrigin + performance.now();

export interface Ack {
  /** When it was due; what this process is late with counts as well. */
  readonly at: number;
  readonly ms: number;
}

/** Single submissions at a steady rate, whatever becomes of those before. */
export class Steady {
  private readonly poster: Poster;
  private readonly acks: Ack[] = [];
  private readonly waiting = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private failure: Error | undefined;

  constructor(
    system: System,
    private readonly perSecond: number,
  ) {
    this.poster = new Poster(system.endpoint, system.key, CONNECTIONS);
  }

  start(): void {
    const began = now();
    let sent = 0;
    this.timer = setInterval(() => {
      for (; ; sent++) {
        const due = began + (sent * 1_000) / this.perSecond;
        if (due > now()) return;
        this.send(due);
      }
    }, TICK_MS);
  }

  /** Those under way are answered first. */
  async stop(): Promise<readonly Ack[]> {
    clearInterval(this.timer);
    await Promise.all(this.waiting);
    this.poster.close();
    if (this.failure !== undefined) throw this.failure;
    return this.acks;
  }

  private send(at: number): void {
    const one = this.poster.post(SINGLE).then(
      (answer) => {
        if (!answer.includes('"id"')) this.failure ??= new Error(answer);
        this.acks.push({ at, ms: now() - at });
        this.waiting.delete(one);
      },
      (error: Error) => {
        this.failure ??= error;
        this.waiting.delete(one);
      },
    );
    this.waiting.add(one);
  }
}
