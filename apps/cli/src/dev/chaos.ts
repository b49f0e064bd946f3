import type { Child } from './child.js';

type Victim = Pick<Child, 'name' | 'pid' | 'state' | 'signal'>;

export interface ChaosHost {
  /** Children of our own, and no database or broker among them. */
  victims(): readonly Victim[];
  /** 0 to 1. */
  random(): number;
  /** Its way to the broker; false where there is none that could be cut. */
  cut(name: string): boolean;
  mend(name: string): void;
  /** Runs once after the delay; what it returns takes that back. */
  after(delayMs: number, run: () => void): () => void;
  say(text: string): void;
}

const PAUSE_MS = [2_000, 6_000] as const;
/** Shorter and longer than the silence after which a scheduler is replaced. */
const LASTS_MS = [1_000, 9_000] as const;

interface Suffering {
  readonly cancel: () => void;
  readonly end: () => void;
}

/** Kills, stops and cuts off what runs here, one every few seconds, while somebody watches. */
export class Chaos {
  private readonly suffering = new Map<Victim, Suffering>();
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
    for (const victim of [...this.suffering.keys()]) this.spare(victim);
  }

  private strike(): void {
    const { host } = this;
    const ready = host
      .victims()
      .filter((each) => each.state === 'ready' && !this.suffering.has(each));
    const victim = ready[Math.floor(host.random() * ready.length)];
    if (victim === undefined) return;
    const chance = host.random();
    if (chance < 1 / 3) {
      if (victim.signal('SIGKILL')) host.say(`chaos: ${victim.name} is killed`);
    } else if (chance < 2 / 3) this.cut(victim);
    else this.halt(victim);
  }

  private halt(victim: Victim): void {
    const { pid, name } = victim;
    if (!victim.signal('SIGSTOP')) return;
    this.suffer(victim, 'stands still', () => {
      // Another process by now is nobody that we have stopped.
      if (victim.pid !== pid || pid === undefined) return;
      if (victim.signal('SIGCONT')) this.host.say(`chaos: ${name} goes on`);
    });
  }

  private cut(victim: Victim): void {
    const { name } = victim;
    if (!this.host.cut(name)) return;
    this.suffer(victim, 'does not reach the broker', () => {
      this.host.mend(name);
      this.host.say(`chaos: ${name} reaches the broker again`);
    });
  }

  private suffer(victim: Victim, what: string, end: () => void): void {
    const ms = this.between(LASTS_MS);
    this.host.say(`chaos: ${victim.name} ${what} for ${(ms / 1_000).toFixed(1)} s`);
    this.suffering.set(victim, { cancel: this.host.after(ms, () => this.spare(victim)), end });
  }

  private spare(victim: Victim): void {
    const { cancel, end } = this.suffering.get(victim) ?? {};
    this.suffering.delete(victim);
    cancel?.();
    end?.();
  }

  private between([from, to]: readonly [number, number]): number {
    return from + this.host.random() * (to - from);
  }
}
