import { type Clock, systemClock } from '#actor';
import { Connection, takeName } from '#postgres';
import type { Logger } from '#telemetry';

/** A process that was killed is gone from the database within moments. */
const PATIENCE_MS = 2_000;
const AGAIN_MS = 100;
/** A restart of the database forgets who has which name. */
const LOOK_EVERY_MS = 5_000;

/**
 * Two processes with one name would be one scheduler to all others, and each take the other's
 * partitions for its own. The name is held in the database as long as the process is connected: a
 * second one does not start, and after a crash it is free.
 */
export class NameGuard {
  private readonly connection: Connection;
  private cancelLook: (() => void) | undefined;
  private isMine = false;
  private isStopped = false;

  constructor(
    url: string,
    private readonly name: string,
    private readonly log: Logger,
    private readonly clock: Clock = systemClock,
  ) {
    const connection = `orrery/${name}/name`;
    const how = { role: 'orrery_scheduler', isAskedAfter: true } as const;
    this.connection = new Connection({ url, name: connection, ...how });
  }

  /** Throws, in words, when another process has it and keeps it. */
  async take(patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = this.clock.elapsed() + patienceMs;
    for (;;) {
      const holder = await takeName(this.connection, this.name);
      this.isMine = holder === undefined;
      if (holder === undefined) break;
      if (this.clock.elapsed() >= deadline) {
        const { session, ageMs } = holder;
        const seen = ageMs === null ? '' : `, seen ${(ageMs / 1_000).toFixed(1)} s ago`;
        const which = session === null ? '' : ` (session ${session}${seen})`;
        await this.stop();
        throw new Error(
          `another process${which} is the scheduler ${this.name} of this cluster, ` +
            'and this one was given the same name: give one of them another ORRERY_SCHEDULER_NAME',
        );
      }
      await new Promise<void>((resolve) => void this.clock.after(AGAIN_MS, resolve));
    }
    this.arm();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.cancelLook?.();
    await this.connection.stop();
  }

  /** Whether it is ours for certain: a connection that was lost has taken the name with it. */
  get isHeld(): boolean {
    return this.isMine && this.connection.connected;
  }

  private arm(): void {
    if (!this.isStopped) this.cancelLook = this.clock.after(LOOK_EVERY_MS, () => void this.look());
  }

  private async look(): Promise<void> {
    try {
      // What it holds it holds: asked again on the same connection it would hold it twice.
      if (!this.isHeld) {
        const holder = await takeName(this.connection, this.name);
        this.isMine = holder === undefined;
        if (holder !== undefined) {
          const { session } = holder;
          this.log.error('another process has taken the name of this scheduler', { session });
        }
      }
    } catch (error) {
      if (!this.isStopped) this.log.warn('cannot hold the name of this scheduler', { error });
    }
    this.arm();
  }
}
