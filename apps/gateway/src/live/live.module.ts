import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Feed, type FeedLog, type Wire, postgresJournal } from '#feed';
import { Connection, type Installation } from '#postgres';
import type { Topics } from '#protocol';
import { LIVE_RUNS } from './live-runs.js';
import { LiveRunsService } from './live-runs.service.js';

export interface LiveModuleOptions {
  /** This gateway's name on the wire and in PostgreSQL. */
  readonly gateway: string;
  readonly databaseUrl: string;
  readonly installation: Installation;
  readonly topics: Topics;
  /** The gateway's MQTT client; whoever made it starts and stops it. */
  readonly wire: Wire;
  readonly log: FeedLog;
}

const OPTIONS = Symbol('live-options');

/** The feed with its two connections, started and stopped with the application. */
@Injectable()
export class LiveFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly feed: Feed;
  private readonly connections: readonly [live: Connection, replays: Connection];

  constructor(@Inject(OPTIONS) options: LiveModuleOptions) {
    const { gateway, databaseUrl, installation, topics, wire, log } = options;
    const connect = (use: string): Connection =>
      new Connection({
        url: databaseUrl,
        role: 'orrery_feed',
        name: `orrery/${gateway}/${use}`,
        pinned: true,
      });
    const [live, replays] = (this.connections = [connect('feed'), connect('replay')]);
    const journal = postgresJournal({ live, replays });
    const { partitions, life } = installation;
    this.feed = new Feed({ sender: gateway, partitions, life, topics, wire, journal, log });
  }

  onApplicationBootstrap(): void {
    this.feed.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.feed.stop();
    await Promise.all(this.connections.map((connection) => connection.stop()));
  }
}

@Module({})
export class LiveModule {
  static for(options: LiveModuleOptions): DynamicModule {
    return {
      module: LiveModule,
      providers: [
        { provide: OPTIONS, useValue: options },
        LiveFeed,
        {
          provide: LIVE_RUNS,
          inject: [LiveFeed],
          useFactory: ({ feed }: LiveFeed) => new LiveRunsService(feed),
        },
      ],
      exports: [LIVE_RUNS],
    };
  }
}
