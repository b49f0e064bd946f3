import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Settings } from '#config';
import type { Mqtt } from '#mqtt';
import { Definitions } from '#definitions';
import { Connection, type Installation, Reader } from '#postgres';
import type { Logger } from '#telemetry';
import { KeysService } from './auth/keys.service.js';
import { DIRECTORY_READER, ProjectsService } from './auth/projects.service.js';
import { FEED_READER } from './auth/readers.js';
import { ContextsService } from './graphql/contexts.service.js';
import { ExecutorActionsService } from './graphql/executor/executor-actions.service.js';
import { ExecutorsService } from './graphql/executor/executors.service.js';
import { ApplyService } from './graphql/job/apply.service.js';
import { JobActionsService } from './graphql/job/job-actions.service.js';
import { JobsService } from './graphql/job/jobs.service.js';
import { PoolsService } from './graphql/pool/pools.service.js';
import { BulkItems } from './graphql/run/bulk.items.js';
import { BulkService } from './graphql/run/bulk.service.js';
import { BulksService } from './graphql/run/bulks.service.js';
import { BULK_CONNECTION, BulkWorker } from './graphql/run/bulk.worker.js';
import { CommandsService } from './graphql/run/commands.service.js';
import { RerunService } from './graphql/run/rerun.service.js';
import { RunActionsReader } from './graphql/run/run-actions.reader.js';
import { RunsService } from './graphql/run/runs.service.js';
import { SubmitService } from './graphql/run/submit.service.js';
import { AnswersService } from './intake/answers.service.js';
import { GroupCommit } from './intake/group-commit.js';
import { GATEWAY_READER, HintsService, MQTT } from './intake/hints.service.js';
import { Ids } from './intake/ids.js';
import { LifeService } from './life.service.js';
import { ParamsChecker } from './specification/params.js';
import { INSTALLATION, LOGGER, SETTINGS } from './tokens.js';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly log: Logger;
  readonly installation: Installation;
  readonly mqtt: Mqtt;
  /** Shown in pg_stat_activity, and how the gateway signs on the wire. */
  readonly name: string;
}

/** Two in flight keep the database busy; a third would only make batches smaller. */
const INTAKE_CONNECTIONS = 2;
const INTAKE_TRANSACTION_MS = 10_000;
const BULK_TRANSACTION_MS = 10_000;
const DIRECTORY_CONNECTIONS = 1;
const FEED_CONNECTIONS = 2;

function groupCommit(options: GatewayOptions, ids: Ids, hints: HintsService): GroupCommit {
  const connect = (use: string): Connection =>
    new Connection({
      url: options.databaseUrl,
      role: 'orrery_intake',
      name: `orrery/${options.name}/${use}`,
      pinned: true,
      transactionTimeoutMs: INTAKE_TRANSACTION_MS,
    });
  const connections = Array.from({ length: INTAKE_CONNECTIONS }, (_, i) => connect(`intake-${i}`));
  return new GroupCommit({
    connections,
    atomic: connect('intake-all'),
    ids,
    log: options.log,
    committed: (runs, commands, at) => hints.committed(runs, commands, at),
  });
}

function bulkConnection({ databaseUrl: url, name }: GatewayOptions): Connection {
  return new Connection({
    url,
    role: 'orrery_intake',
    name: `orrery/${name}/bulk`,
    pinned: true,
    transactionTimeoutMs: BULK_TRANSACTION_MS,
  });
}

/** What the resolvers and the transports stand on. */
@Global()
@Module({})
export class ServicesModule {
  static for(options: GatewayOptions): DynamicModule {
    const { databaseUrl: url } = options;
    const name = (use: string): string => `orrery/${options.name}/${use}`;
    const services = [
      AnswersService,
      ApplyService,
      BulkItems,
      BulkService,
      BulksService,
      BulkWorker,
      CommandsService,
      ContextsService,
      ExecutorActionsService,
      ExecutorsService,
      HintsService,
      JobActionsService,
      JobsService,
      KeysService,
      ParamsChecker,
      PoolsService,
      ProjectsService,
      RerunService,
      RunActionsReader,
      RunsService,
      SubmitService,
    ];
    const values = [
      { provide: SETTINGS, useValue: options.settings },
      { provide: LOGGER, useValue: options.log },
      { provide: INSTALLATION, useValue: options.installation },
      { provide: MQTT, useValue: options.mqtt },
      { provide: Ids, useValue: new Ids() },
      { provide: Definitions, useValue: new Definitions({ url, name: name('define') }) },
      { provide: BULK_CONNECTION, useValue: bulkConnection(options) },
      {
        provide: GATEWAY_READER,
        useValue: new Reader({ url, name: name('read'), role: 'orrery_gateway_read' }),
      },
      {
        provide: DIRECTORY_READER,
        useValue: new Reader({
          url,
          name: name('directory'),
          role: 'orrery_gateway_read',
          connections: DIRECTORY_CONNECTIONS,
        }),
      },
      {
        provide: FEED_READER,
        useValue: new Reader({
          url,
          name: name('events'),
          role: 'orrery_feed',
          connections: FEED_CONNECTIONS,
        }),
      },
    ];
    const intake = {
      provide: GroupCommit,
      inject: [Ids, HintsService],
      useFactory: (ids: Ids, hints: HintsService) => groupCommit(options, ids, hints),
    };
    const exported = [...services, ...values.map(({ provide }) => provide), GroupCommit];
    return {
      module: ServicesModule,
      providers: [...services, ...values, intake, LifeService],
      exports: exported,
    };
  }
}
