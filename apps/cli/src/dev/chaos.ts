import type { Child } from './child.js';

type Victim = Pick<Child, 'name' | 'pid' | 'state' | 'signal'>;

export interface ChaosHost {
  /** Children of our own, and no database or broker among them. */
  victims(): readonly Victim[];
  /** 0 to 1. */
  random(): number;
  /** Runs once after the delay; what it returns takes that back. */
  after(delayMs: number, run: () => void): () => void;
  say(text: string): void;
}

const PAUSE_MS = [2_000, 6_000] as const;
/** Shorter and longer than the silence after which a scheduler is replaced. */
const STILL_MS = [1_000, 9_000] as const;

interface Still {
  readonly pid: number | undefined;
  readonly cancel: () => void;
}

/** Kills and stops what runs here, one every few seconds, while somebody watches. */
export class Chaos {
  private readonly still = new Map<Victim, Still>();
  private cancelNext: (() => void) | undefined;

  constructor(private readonly host: ChaosHost) {}

  start(): void {
    this.cancelNext = this.host.after(this.between(PAUSE_MS), () => {
      this.strike();
      this.start();
    });
  }

  /** For good: whoever stands still goes on, or he could not hear that he is to end. */
  stop(): void {
    this.cancelNext?.();
    for (const victim of [...this.still.keys()]) this.thaw(victim);
  }

  private strike(): void {
    const ready = this.host
      .victims()
      .filter((each) => each.state === 'ready' && !this.still.has(each));
    const victim = ready[Math.floor(this.host.random() * ready.length)];
    if (victim === undefined) return;
    if (this.host.random() < 0.5) {
      if (victim.signal('SIGKILL')) this.host.say(`chaos: ${victim.name} is killed`);
      return;
    }
    const ms = this.between(STILL_MS);
    if (!victim.signal('SIGSTOP')) return;
    this.host.say(`chaos: ${victim.name} stands still for ${(ms / 1_000).toFixed(1)} s`);
    const cancel = this.host.after(ms, () => this.thaw(victim));
    this.still.set(victim, { pid: victim.pid, cancel });
  }

  private thaw(victim: Victim): void {
    const { pid, cancel } = this.still.get(victim) ?? {};
    cancel?.();
    this.still.delete(victim);
    // Another process by now is nobody that we have stopped.
    if (pid === undefined || victim.pid !== pid) return;
    if (victim.signal('SIGCONT')) this.host.say(`chaos: ${victim.name} goes on`);
  }

  private between([from, to]: readonly [number, number]): number {
    return from + this.host.random() * (to - from);
  }
}
