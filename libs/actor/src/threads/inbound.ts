import type { Behavior, SpawnOptions, ThreadEntry } from '../behavior.js';
import type { End, Incident, Resident } from '../kernel.js';
import type { Address } from '../refs.js';
import type { Ref } from '../refs.js';
import { Pump } from '../pump.js';
import { decode } from './codec.js';
import type { BatchFrame, Frame, SpawnFrame, StopFrame, WatchFrame } from './frames.js';

type ForActor = BatchFrame | StopFrame | WatchFrame;

export interface InboundHome {
  readonly thread: number;
  report(incident: Incident): void;
  resident(address: Pick<Address, 'incarnation'>): Resident | undefined;
  spawnAt<M, S, A>(
    address: Address,
    behavior: Behavior<M, S, A>,
    args: A,
    options: SpawnOptions<M, S>,
    ended: (end: End) => void,
  ): unknown;
}

/** What other threads ask of the actors of this one. */
export class Inbound {
  /** While its module is imported, what is meant for an actor waits here. */
  private readonly arriving = new Map<number, ForActor[]>();
  /** One for each sending thread and target that is full: order holds, and nothing drops. */
  private readonly pumps = new Map<string, Pump<unknown>>();

  constructor(
    private readonly home: InboundHome,
    private readonly send: (frame: Frame) => void,
    private readonly revive: (address: Address) => Ref<never>,
  ) {}

  accept(frame: ForActor): void {
    const incarnation = frame.kind === 'watch' ? frame.address.incarnation : frame.incarnation;
    const held = this.arriving.get(incarnation);
    if (held !== undefined) held.push(frame);
    else this.dispatch(frame);
  }

  async spawn(frame: SpawnFrame): Promise<void> {
    const { address } = frame;
    const held: ForActor[] = [];
    this.arriving.set(address.incarnation, held);
    try {
      const { behavior, options } = await load(frame);
      const args = decode({ value: frame.args, refs: frame.refs }, this.revive);
      const named = { ...options, name: address.path };
      this.home.spawnAt(address, behavior, args, named, (end) => this.ended(frame, end));
    } catch (error) {
      this.home.report({ address, error, message: undefined, outcome: 'escalate' });
      this.ended(frame, { reason: 'failed', error, escalated: true });
    }
    this.arriving.delete(address.incarnation);
    for (const waiting of held) this.dispatch(waiting);
  }

  private dispatch(frame: ForActor): void {
    switch (frame.kind) {
      case 'batch':
        return this.deliver(frame);
      case 'stop':
        return this.home.resident(frame)?.stop?.(frame.reason);
      case 'watch':
        return this.watch(frame);
      default: {
        const never: never = frame;
        return never;
      }
    }
  }

  private deliver(frame: BatchFrame): void {
    const { from, incarnation, messages } = frame;
    for (const [at, refs] of frame.refs) {
      messages[at] = decode({ value: messages[at], refs }, this.revive);
    }
    const ref = this.home.resident(frame)?.ref as Ref<unknown> | undefined;
    if (ref === undefined) return this.room(from, incarnation, messages.length);
    const key = `${from}/${incarnation}`;
    const pump = this.pumps.get(key) ?? this.pump(ref, from, key);
    pump.offer(messages);
    if (pump.idle) this.pumps.delete(key);
  }

  private pump(ref: Ref<unknown>, from: number, key: string): Pump<unknown> {
    const { incarnation } = ref.address;
    const pump = new Pump(ref, {
      delivered: (count) => this.room(from, incarnation, count),
      blocked: (yes) => (yes ? this.pumps.set(key, pump) : this.pumps.delete(key)),
      // The sender learns of the end by its watch; the credit must come back in any case.
      gone: (undelivered) => {
        this.pumps.delete(key);
        this.room(from, incarnation, undelivered.length);
      },
    });
    return pump;
  }

  private watch({ from, address }: WatchFrame): void {
    const told = (end: End): void => this.ended({ from, address }, end);
    const resident = this.home.resident(address);
    if (resident?.watch === undefined) told({ reason: 'gone', escalated: false });
    else resident.watch(({ reason, error }) => told({ reason, error, escalated: false }));
  }

  private ended(to: Pick<SpawnFrame, 'from' | 'address'>, end: End): void {
    const { reason, error, escalated } = end;
    this.send({ kind: 'ended', to: to.from, address: to.address, reason, error, escalated });
  }

  private room(to: number, incarnation: number, count: number): void {
    this.send({ kind: 'room', to, from: this.home.thread, incarnation, count });
  }
}

async function load(frame: SpawnFrame): Promise<ThreadEntry<unknown, unknown, unknown>> {
  const module = (await import(frame.module)) as Record<string, unknown>;
  const entry = module[frame.export] as Partial<ThreadEntry<unknown, unknown, unknown>> | undefined;
  if (entry?.behavior === undefined || entry.options === undefined) {
    throw new Error(`${frame.module} exports no ThreadEntry named ${frame.export}`);
  }
  return entry as ThreadEntry<unknown, unknown, unknown>;
}
