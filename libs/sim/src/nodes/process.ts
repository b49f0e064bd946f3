import type { Millis } from '#core';
import type { Lives, Timed } from '../kernel/agenda.js';
import type { World } from '../kernel/world.js';

/**
 * A process of the system: what it has planned dies with it, and waits while it is stopped. Its
 * monotonic clock runs a little fast or slow and goes on while it is stopped.
 */
export class Process implements Lives {
  /** Odd while it lives. */
  generation = 0;
  private isStopped = false;
  private late: Timed[] = [];

  constructor(
    readonly world: World,
    readonly name: string,
    /** Of its clock against true time. */
    private readonly rate: number,
  ) {}

  get alive(): boolean {
    return this.generation % 2 === 1;
  }

  get stopped(): boolean {
    return this.isStopped;
  }

  begin(): void {
    if (!this.alive) this.generation++;
    this.isStopped = false;
    this.late = [];
  }

  /** As by SIGKILL: nothing of it goes on. */
  end(): void {
    if (this.alive) this.generation++;
    this.isStopped = false;
    this.late = [];
  }

  /** As by SIGSTOP. */
  stop(): void {
    if (this.alive) this.isStopped = true;
  }

  /** As by SIGCONT: what was due meanwhile is done at once, in the order in which it was due. */
  cont(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    const late = this.late;
    this.late = [];
    for (const timed of late) this.world.again(timed);
  }

  mono(): Millis {
    return this.world.now * this.rate;
  }

  readonly after = (delay: Millis, run: () => void): (() => void) =>
    this.world.after(delay / this.rate, run, this);

  turn(run: () => void): void {
    this.world.turn(run, this);
  }

  keep(timed: Timed): void {
    this.late.push(timed);
  }

  /** What comes from outside, to this generation only. */
  hear(generation: number, run: () => void): void {
    if (generation !== this.generation) return;
    if (this.isStopped) this.late.push(this.world.late(run, this));
    else run();
  }
}
