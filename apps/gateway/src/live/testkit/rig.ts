import { type Broker, createBroker } from '#broker';
import { Feed, postgresJournal } from '#feed';
import { type Mqtt, createMqtt } from '#mqtt';
import { Connection, readHeads } from '#postgres';
import { topicsOf } from '#protocol';
import { LiveRunsService } from '../live-runs.service.js';
import type { ReadTraits } from '../run-traits.js';
import { TestThread } from './thread.js';

const quiet = (): void => undefined;
export const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };
export const topics = topicsOf('test');

export interface RigOptions {
  readonly url: string;
  readonly life: string;
  readonly partitions: number;
  readonly bufferEventsMax?: number;
  readonly bufferCharsMax?: number;
  readonly readTraits?: ReadTraits;
  readonly frameMs?: () => number;
}

/** A gateway's live side and a thread, on a real broker and a real PostgreSQL. */
export class Rig {
  private readonly broker: Broker;
  readonly feed: Feed;
  readonly live: LiveRunsService;
  private readonly connections: readonly Connection[];
  /** What the database answers: another one after a restore. */
  life: string;
  /** So many reads of replays fail; and how many have been asked for. */
  failing = 0;
  replayed = 0;

  private constructor(
    readonly thread: TestThread,
    readonly clients: readonly [gateway: Mqtt, thread: Mqtt],
    broker: Broker,
    commits: Connection,
    options: RigOptions,
  ) {
    this.broker = broker;
    const connect = (name: string): Connection =>
      new Connection({ url: options.url, role: 'orrery_feed', name, pinned: true });
    const [live, replays] = [connect('orrery/g/feed'), connect('orrery/g/replay')];
    this.connections = [live, replays, commits];
    const journal = postgresJournal({ live, replays });
    this.life = options.life;
    this.feed = new Feed({
      sender: 'g',
      partitions: options.partitions,
      life: options.life,
      topics,
      wire: clients[0],
      journal: {
        ...journal,
        heads: async (ids) => ({ ...(await journal.heads(ids)), life: this.life }),
        targets: this.faulty((...given) => journal.targets(...given)),
        replay: this.faulty((...given) => journal.replay(...given)),
        oldest: this.faulty((...given) => journal.oldest(...given)),
      },
      log: silent,
    });
    const { bufferEventsMax, bufferCharsMax, readTraits, frameMs } = options;
    this.live = new LiveRunsService(this.feed, {
      ...(bufferEventsMax === undefined ? {} : { bufferEventsMax }),
      ...(bufferCharsMax === undefined ? {} : { bufferCharsMax }),
      ...(readTraits === undefined ? {} : { readTraits }),
      ...(frameMs === undefined ? {} : { frameMs }),
    });
    this.feed.start();
  }

  static async start(options: RigOptions): Promise<Rig> {
    const broker = createBroker({ log: silent });
    const { url } = await broker.start();
    const gateway = createMqtt({ url, clientId: 'g', log: silent });
    const own = createMqtt({ url, clientId: 't.0', log: silent });
    const commits = new Connection({
      url: options.url,
      role: 'none',
      name: 'orrery/t.0/1',
    });
    const ids = Array.from({ length: options.partitions }, (_, id) => id);
    const { heads } = await readHeads(commits, ids);
    const known = new Map(heads.map(({ partition, seq }) => [partition, seq]));
    const thread = new TestThread(commits, own, topics, known);
    await Promise.all([gateway.start(), own.start()]);
    return new Rig(thread, [gateway, own], broker, commits, options);
  }

  private faulty<A extends readonly unknown[], T>(read: (...args: A) => Promise<T>) {
    return async (...args: A): Promise<T> => {
      this.replayed++;
      if (this.failing === 0) return await read(...args);
      this.failing--;
      throw new Error('the connection was lost');
    };
  }

  async stop(): Promise<void> {
    this.feed.stop();
    this.thread.stop();
    await Promise.all(this.clients.map((client) => client.stop()));
    await this.broker.stop();
    await Promise.all(this.connections.map((connection) => connection.stop()));
  }
}
