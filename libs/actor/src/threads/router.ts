import type { Child, End, Parent } from '../kernel.js';
import { Ref, nothing } from '../refs.js';
import type { Address, Admit, Cancel, Terminated } from '../refs.js';
import type { Dispatcher } from '../runtime.js';
import { encode } from './codec.js';
import { builtUrl } from './entry.js';
import type { Entry } from './entry.js';
import type { EndedFrame, Frame } from './frames.js';
import { Inbound } from './inbound.js';
import type { InboundHome } from './inbound.js';
import { Link } from './link.js';
import { Windows } from './windows.js';

export interface RouterHome extends InboundHome {
  readonly dispatcher: Dispatcher;
  enter(resident: { readonly ref: Ref<never> }): void;
  shutdown(withinMs: number): Promise<void>;
}

/** Given by the spawner, in a range that the target thread's own numbers never reach. */
const REMOTE_INCARNATION_FIRST = 2 ** 40;

interface RemoteChild extends Child {
  ended(end: End): void;
}
type Notify = (end: Terminated) => void;
interface Followed {
  child?: RemoteChild;
  readonly address: Address;
  readonly watchers: Set<Notify>;
}

/** Refs of other threads: where they lead, what is in flight to them, who waits for their end. */
export class Router {
  private readonly links = new Map<number, Link>();
  private readonly uplink: Link | undefined;
  private readonly windows = new Windows();
  private readonly inbound: Inbound;
  /** By thread and incarnation: what lives elsewhere and matters here. */
  private readonly followed = new Map<number, Map<number, Followed>>();
  private incarnations = REMOTE_INCARNATION_FIRST;

  constructor(
    private readonly home: RouterHome,
    uplink?: (frames: readonly Frame[]) => void,
  ) {
    this.inbound = new Inbound(
      home,
      (frame) => this.send(frame),
      (address) => this.refTo(address),
    );
    this.uplink = uplink === undefined ? undefined : this.link(uplink);
  }

  connect(thread: number, post: (frames: readonly Frame[]) => void): void {
    this.links.set(thread, this.link(post));
  }

  send(frame: Frame): void {
    this.route(frame.to)?.push(frame);
  }

  flush(): void {
    this.uplink?.flush();
  }

  receive(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.to === this.home.thread) this.handle(frame);
      else this.relay(frame);
    }
  }

  spawn<A>(
    parent: Parent,
    place: Pick<Address, 'node' | 'thread' | 'path'>,
    entry: Entry<never, A>,
    args: A,
  ): Child {
    this.incarnations += 1;
    const address: Address = { ...place, incarnation: this.incarnations };
    const { thread: to, incarnation } = address;
    let over = false;
    const child: RemoteChild = {
      ref: this.remoteRef(address, () => over),
      stop: (reason) => this.send({ kind: 'stop', to, incarnation, reason }),
      ended: (end) => {
        over = true;
        parent.childEnded(child, end);
      },
    };
    this.follow(address).child = child;
    const { value, refs } = encode(args, (ref) => this.exported(ref));
    const module = builtUrl(entry.module).href;
    const from = this.home.thread;
    const frame = { to, from, address, module, export: entry.export, args: value, refs };
    this.send({ kind: 'spawn', ...frame });
    return child;
  }

  watch(address: Address, notify: Notify): Cancel {
    const { thread: to } = address;
    if (this.route(to) === undefined) {
      notify({ address, reason: 'thread-lost' });
      return nothing;
    }
    const { watchers } = this.follow(address);
    watchers.add(notify);
    this.send({ kind: 'watch', to, from: this.home.thread, address });
    return () => watchers.delete(notify);
  }

  /** A thread has died: whoever followed an actor of it hears so, here and in the other threads. */
  lost(thread: number, error?: unknown): void {
    this.links.delete(thread);
    const followed = this.followed.get(thread);
    this.followed.delete(thread);
    const cause = error === undefined ? {} : { error };
    for (const one of followed?.values() ?? []) {
      if (one.child !== undefined) {
        const { address } = one;
        this.home.report({ address, error, message: undefined, outcome: 'thread-lost' });
      }
      conclude(one, { reason: 'thread-lost', ...cause, escalated: false });
    }
    this.windows.lose(thread);
    for (const [to, link] of this.links) link.push({ kind: 'lost', to, thread });
  }

  private refTo(address: Address): Ref<never> {
    if (address.thread !== this.home.thread) return this.remoteRef(address, () => false);
    return this.home.resident(address)?.ref ?? new Ref<never>(address, () => 'gone');
  }

  private remoteRef(address: Address, over: () => boolean): Ref<never> {
    const { thread, incarnation } = address;
    const tell = (message: unknown): Admit => {
      const link = this.route(thread);
      if (link === undefined || over()) return 'gone';
      if (!this.windows.take(thread, incarnation)) return 'full';
      const encoded = encode(message, (ref) => this.exported(ref));
      link.message(thread, this.home.thread, incarnation, encoded);
      return 'accepted';
    };
    return new Ref(address, tell, (run) => this.windows.whenRoom(thread, incarnation, run));
  }

  /** A reply, say, that is no actor: from now on it can be found by its address. */
  private exported(ref: Ref<never>): void {
    const ours = ref.address.thread === this.home.thread;
    if (ours && this.home.resident(ref.address) === undefined) this.home.enter({ ref });
  }

  private handle(frame: Frame): void {
    switch (frame.kind) {
      case 'batch':
      case 'stop':
      case 'watch':
        return this.inbound.accept(frame);
      case 'spawn':
        // Nothing in it rejects: a failure becomes the actor's end.
        return void this.inbound.spawn(frame);
      case 'room':
        return this.windows.give(frame.from, frame.incarnation, frame.count);
      case 'ended':
        return this.remoteEnded(frame);
      case 'lost':
        return this.lost(frame.thread);
      case 'incident':
        return this.home.report(frame.incident);
      case 'shutdown':
        // The worker that owns this system waits for the same promise.
        return void this.home.shutdown(frame.withinMs);
      default: {
        const never: never = frame;
        return never;
      }
    }
  }

  private relay(frame: Frame): void {
    if (this.links.has(frame.to)) return this.send(frame);
    if (frame.kind !== 'watch') return;
    const { from: to, address } = frame;
    const end = { reason: 'thread-lost', error: undefined, escalated: false } as const;
    this.send({ kind: 'ended', to, address, ...end });
  }

  private remoteEnded({ address, reason, error, escalated }: EndedFrame): void {
    const followed = this.followed.get(address.thread);
    const one = followed?.get(address.incarnation);
    if (followed === undefined || one === undefined) return;
    followed.delete(address.incarnation);
    conclude(one, { reason, ...(error === undefined ? {} : { error }), escalated });
  }

  private follow(address: Address): Followed {
    let thread = this.followed.get(address.thread);
    if (thread === undefined) this.followed.set(address.thread, (thread = new Map()));
    let one = thread.get(address.incarnation);
    if (one === undefined) {
      thread.set(address.incarnation, (one = { address, watchers: new Set() }));
    }
    return one;
  }

  private route(thread: number): Link | undefined {
    return this.links.get(thread) ?? this.uplink;
  }

  private link(post: (frames: readonly Frame[]) => void): Link {
    return new Link(post, this.home.dispatcher, (frame, error) => this.refused(frame, error));
  }

  /** It could not be cloned. What hides in it is told by the error; nobody may wait for it. */
  private refused(frame: Frame, error: unknown): void {
    switch (frame.kind) {
      case 'spawn': {
        const { address } = frame;
        const end = { reason: 'failed', error, escalated: true } as const;
        this.home.report({ address, error, message: undefined, outcome: 'escalate' });
        return this.remoteEnded({ kind: 'ended', to: this.home.thread, address, ...end });
      }
      case 'batch': {
        const { to, incarnation, messages } = frame;
        this.windows.give(to, incarnation, 1);
        const known = this.followed.get(to)?.get(incarnation)?.address;
        const address = known ?? { node: '', thread: to, path: '', incarnation };
        const [message] = messages;
        return this.home.report({ address, error, message, outcome: 'dropped' });
      }
      case 'ended':
        return this.send({ ...frame, error: new Error(String(frame.error)) });
      case 'incident': {
        const plain = { error: new Error(String(frame.incident.error)), message: undefined };
        return this.send({ ...frame, incident: { ...frame.incident, ...plain } });
      }
      case 'room':
      case 'stop':
      case 'watch':
      case 'lost':
      case 'shutdown':
        // Plain numbers and strings, made here.
        throw error;
      default: {
        const never: never = frame;
        return never;
      }
    }
  }
}

function conclude({ child, address, watchers }: Followed, end: End): void {
  const { reason, error } = end;
  const told = error === undefined ? { address, reason } : { address, reason, error };
  for (const notify of watchers) notify(told);
  watchers.clear();
  child?.ended(end);
}
