import { World } from '../../kernel/world.js';
import { Process } from '../../nodes/process.js';
import { Broker, type BrokerLink, KEEPALIVE_MS } from '../broker.js';
import { type BrokerWorld, type Guest, type Member, heardAs, presenceOf } from './world.js';

const STEP_MS = 1;
const PATIENCE_MS = 60_000;
/** Whatever is on its way has come by then. */
const ARRIVES_MS = 50;
const RECONNECT_MS = 100;

export async function simulated(): Promise<BrokerWorld> {
  const world = new World(1);
  const broker = new Broker(world, true);
  const run = async (condition: () => boolean): Promise<void> => {
    const last = world.now + PATIENCE_MS;
    while (!condition()) {
      if (world.now > last) throw new Error(`not so at last: ${condition.toString()}`);
      world.runUntil(world.now + STEP_MS);
    }
  };
  return {
    keepaliveMs: KEEPALIVE_MS,
    now: () => world.now,
    until: run,
    arrived: async () => void world.runUntil(world.now + ARRIVES_MS),
    join: async (guest) => {
      const member = new SimMember(world, broker, guest);
      await run(() => member.isUp);
      return member;
    },
    crash: async () => broker.crash(),
    start: async () => broker.start(),
    stop: async () => undefined,
  };
}

/** What the nodes of the simulator do with their links. */
class SimMember implements Member {
  readonly heard: string[] = [];
  readonly id: string;
  session = '';
  private link: BrokerLink | undefined;
  private sessions = 0;
  private isAway = false;
  private readonly process: Process;

  constructor(
    private readonly world: World,
    private readonly broker: Broker,
    private readonly guest: Guest,
  ) {
    this.id = guest.id;
    this.process = new Process(world, guest.id, 1);
    this.process.begin();
    this.connect();
  }

  get isUp(): boolean {
    return this.link !== undefined;
  }

  publish(topic: string, word: string, retain = false): boolean {
    return this.link?.publish(topic, word, retain) ?? false;
  }

  async leave(): Promise<void> {
    this.process.end();
    this.link?.leave();
    this.link = undefined;
  }

  cut(): void {
    this.isAway = true;
    this.link?.end();
  }

  mute(way: 'to' | 'both'): void {
    this.isAway = true;
    this.link?.cutOff(way);
  }

  heal(): void {
    this.isAway = false;
    this.link?.heal();
  }

  private connect(): void {
    const { id, process } = this;
    const { generation } = process;
    const session = `${id}-${this.world.random.bits()}-${++this.sessions}`;
    const link = this.isAway
      ? undefined
      : this.broker.connect(
          {
            id,
            filters: this.guest.filters ?? [],
            will: { topic: presenceOf(id), payload: `death ${session}` },
            deliver: (topic, word) =>
              process.hear(generation, () => void this.heard.push(heardAs(topic, word))),
            closed: () => process.hear(generation, () => this.closed()),
          },
          process.after,
        );
    if (link === undefined) {
      process.after(RECONNECT_MS, () => this.connect());
      return;
    }
    this.link = link;
    this.session = session;
    link.publish(presenceOf(id), `birth ${session}`, true);
  }

  private closed(): void {
    this.link = undefined;
    this.process.after(RECONNECT_MS, () => this.connect());
  }
}
