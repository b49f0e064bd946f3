import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Feed, type FeedLog, type Wire, postgresJournal } from '#feed';
import { systemClock } from '#actor';
import {
  Connection,
  type Installation,
  type LogKey,
  Reader,
  findRunTraits,
  readLogs,
} from '#postgres';
import type { Topics } from '#protocol';
import { LIVE_LOGS } from './live-logs.js';
import { LiveLogsService } from './live-logs.service.js';
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
/** The poll, and who is behind: neither holds up the reads of requests. */
const LOG_CONNECTIONS = 3;
/** What events do not say of their runs: one read at a time, and one behind it. */
const TRAIT_CONNECTIONS = 2;

/** The feed with its connections and who follows it, started and stopped with the application. */
@Injectable()
export class LiveFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly feed: Feed;
  readonly runs: LiveRunsService;
  private readonly connections: readonly [live: Connection, replays: Connection];
  private readonly reader: Reader;

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
    const reader = new Reader({
      url: databaseUrl,
      name: `orrery/${gateway}/traits`,
      role: 'orrery_gateway_read',
      connections: TRAIT_CONNECTIONS,
    });
    this.reader = reader;
    this.runs = new LiveRunsService(this.feed, {
      readTraits: (project, ids) => findRunTraits(reader, project, ids),
    });
  }

  onApplicationBootstrap(): void {
    this.feed.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.feed.stop();
    await Promise.all([
      ...this.connections.map((connection) => connection.stop()),
      this.reader.stop(),
    ]);
  }
}

/** What is written now, read on connections of its own. */
@Injectable()
export class LiveLogFeed implements OnApplicationShutdown {
  readonly logs: LiveLogsService;
  private readonly reader: Reader;

  constructor(@Inject(OPTIONS) { gateway, databaseUrl: url, log }: LiveModuleOptions) {
    const name = `orrery/${gateway}/logs`;
    const connections = LOG_CONNECTIONS;
    const reader = new Reader({ url, name, role: 'orrery_gateway_read', connections });
    this.reader = reader;
    const read = (keys: readonly LogKey[], limit: number) => readLogs(reader, keys, limit);
    this.logs = new LiveLogsService({ read, clock: systemClock, log });
  }

  async onApplicationShutdown(): Promise<void> {
    this.logs.stop();
    await this.reader.stop();
  }
}

const logsOf = ({ logs }: LiveLogFeed): LiveLogsService => logs;

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
          useFactory: ({ runs }: LiveFeed) => runs,
        },
        LiveLogFeed,
        { provide: LIVE_LOGS, inject: [LiveLogFeed], useFactory: logsOf },
      ],
      exports: [LIVE_RUNS, LIVE_LOGS],
    };
  }
}
