import {
  type Down,
  type Live,
  MAX_MESSAGE_BYTES,
  type Soft,
  type Topics,
  WIRE_VERSION,
  downCodec,
  liveCodec,
  softCodec,
} from '#protocol';

/** The wire as a thread uses it: nothing is kept, nothing is promised. */
export interface Wire {
  publish(topic: string, payload: string): unknown;
}

/** Items in one message: batches of about a hundred are far cheaper than single ones (measured). */
const MAX_ITEMS = 128;
/** More than this only when one item alone is larger. */
const MAX_BYTES = 512 * 1_024;

/** Everything this thread says, collected during a slice and sent at its end. Nothing is kept. */
export class Post {
  private readonly down: Channel;
  private readonly soft: Channel;
  private readonly live: Channel;
  private readonly owned: Channel;

  constructor(wire: Wire, topics: Topics, thread: string) {
    this.down = new Channel(wire, thread, (executor) => topics.down(executor));
    this.soft = new Channel(wire, thread, (other) => topics.threadIn(other));
    this.live = new Channel(wire, thread, () => topics.live(thread));
    this.owned = new Channel(wire, thread, () => topics.owned(thread));
  }

  /**
   * `session`: the executor's session this thread believes in. False: the item alone is larger
   * than a message may be, and can never be said.
   */
  toExecutor(executor: string, session: string, item: Down): boolean {
    return this.down.say(executor, session, downCodec.encode(item));
  }

  toThread(thread: string, item: Soft): void {
    this.soft.say(thread, '', softCodec.encode(item));
  }

  toGateways(item: Soft): void {
    this.owned.say('', '', softCodec.encode(item));
  }

  toFollowers(item: Live): void {
    this.live.say('', '', liveCodec.encode(item));
  }

  flush(): void {
    this.down.flush();
    this.soft.flush();
    this.owned.flush();
    this.live.flush();
  }
}

/** What is to be said to one, each item as it stands on the wire. */
interface Pile {
  readonly session: string;
  /** The envelope (#protocol) up to its items. */
  readonly head: string;
  readonly items: string[];
  bytes: number;
}

/** Items of one kind, in messages of a bounded size, in the order in which they were said. */
class Channel {
  private readonly piles = new Map<string, Pile>();

  constructor(
    private readonly wire: Wire,
    private readonly sender: string,
    private readonly topicOf: (to: string) => string,
  ) {}

  /** False: too large for any message. */
  say(to: string, session: string, item: readonly unknown[]): boolean {
    const text = JSON.stringify(item);
    // As the wire counts: quotes have been doubled, and a character may be three bytes.
    const bytes = Buffer.byteLength(text) + 1;
    let pile = this.piles.get(to);
    if (pile !== undefined && (pile.session !== session || pile.bytes + bytes > MAX_BYTES)) {
      this.send(to, pile);
      pile = undefined;
    }
    if (pile === undefined) {
      pile = this.begin(session);
      if (pile.bytes + bytes > MAX_MESSAGE_BYTES) return false;
      this.piles.set(to, pile);
    }
    pile.items.push(text);
    pile.bytes += bytes;
    if (pile.items.length >= MAX_ITEMS) this.send(to, pile);
    return true;
  }

  flush(): void {
    for (const [to, pile] of this.piles) this.send(to, pile);
  }

  private begin(session: string): Pile {
    const head = `${JSON.stringify([WIRE_VERSION, this.sender, session]).slice(0, -1)},[`;
    // Its end is counted, and the comma that the first item does not have.
    return { session, head, items: [], bytes: Buffer.byteLength(head) + ']]'.length - 1 };
  }

  private send(to: string, { head, items }: Pile): void {
    this.piles.delete(to);
    this.wire.publish(this.topicOf(to), `${head}${items.join(',')}]]`);
  }
}
