import type { Mqtt } from '#mqtt';
import {
  type Down,
  type Live,
  type Soft,
  type Topics,
  downCodec,
  encodeEnvelope,
  liveCodec,
  softCodec,
} from '#protocol';

/** Items in one message: batches of about a hundred are far cheaper than single ones (measured). */
const MAX_ITEMS = 128;
const MAX_BYTES = 512 * 1_024;

/** Roughly what an item weighs on the wire, so that no message grows over its bound. */
function weigh(item: Down | Soft | Live): number {
  switch (item.kind) {
    case 'assign':
      return 512 + item.work.spec.length + (item.work.params?.length ?? 0);
    case 'segment':
      return 64 + item.events.length;
    case 'submitted':
      return 64 + item.row.length;
    default:
      return 160;
  }
}

const isTight = (pile: Pile<unknown>, item: Down | Soft | Live): boolean =>
  pile.items.length > 0 && pile.bytes + weigh(item) > MAX_BYTES;

interface Pile<I> {
  readonly session: string;
  items: I[];
  bytes: number;
}

/** Everything this thread says, collected during a slice and sent at its end. Nothing is kept. */
export class Post {
  private readonly down = new Map<string, Pile<Down>>();
  private readonly soft = new Map<string, Pile<Soft>>();
  private live: Pile<Live> = { session: '', items: [], bytes: 0 };

  constructor(
    private readonly mqtt: Pick<Mqtt, 'publish'>,
    private readonly topics: Topics,
    private readonly thread: string,
  ) {}

  /** `session`: the executor's session this thread believes in. */
  toExecutor(executor: string, session: string, item: Down): void {
    const known = this.down.get(executor);
    if (known !== undefined && (known.session !== session || isTight(known, item))) {
      this.sendDown(executor, known);
    }
    const pile = this.pileOf(this.down, executor, session);
    if (this.add(pile, item)) this.sendDown(executor, pile);
  }

  toThread(thread: string, item: Soft): void {
    const known = this.soft.get(thread);
    if (known !== undefined && isTight(known, item)) this.sendSoft(thread, known);
    const pile = this.pileOf(this.soft, thread, '');
    if (this.add(pile, item)) this.sendSoft(thread, pile);
  }

  toFollowers(item: Live): void {
    if (isTight(this.live, item)) this.sendLive();
    if (this.add(this.live, item)) this.sendLive();
  }

  flush(): void {
    for (const [executor, pile] of this.down) this.sendDown(executor, pile);
    for (const [thread, pile] of this.soft) this.sendSoft(thread, pile);
    if (this.live.items.length > 0) this.sendLive();
  }

  private pileOf<I>(piles: Map<string, Pile<I>>, to: string, session: string): Pile<I> {
    let pile = piles.get(to);
    if (pile === undefined) {
      pile = { session, items: [], bytes: 0 };
      piles.set(to, pile);
    }
    return pile;
  }

  /** Says whether the pile is full. */
  private add<I extends Down | Soft | Live>(pile: Pile<I>, item: I): boolean {
    pile.items.push(item);
    pile.bytes += weigh(item);
    return pile.items.length >= MAX_ITEMS || pile.bytes >= MAX_BYTES;
  }

  private sendDown(executor: string, pile: Pile<Down>): void {
    this.down.delete(executor);
    const { session, items } = pile;
    const payload = encodeEnvelope(downCodec, { sender: this.thread, session, items });
    this.mqtt.publish(this.topics.down(executor), payload);
  }

  private sendSoft(thread: string, pile: Pile<Soft>): void {
    this.soft.delete(thread);
    const envelope = { sender: this.thread, session: '', items: pile.items };
    this.mqtt.publish(this.topics.threadIn(thread), encodeEnvelope(softCodec, envelope));
  }

  private sendLive(): void {
    const { items } = this.live;
    this.live = { session: '', items: [], bytes: 0 };
    const payload = encodeEnvelope(liveCodec, { sender: this.thread, session: '', items });
    this.mqtt.publish(this.topics.live(this.thread), payload);
  }
}
