import { type DynamicModule, Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { systemClock } from '#actor';
import type { Settings } from '#config';
import { topicsOf } from '#protocol';
import type { Logger } from '#telemetry';
import { KeysService } from './auth/keys.service.js';
import { ContextsService } from './graphql/contexts.service.js';
import { KeyLimits } from './graphql/driver/key-limits.js';
import { OrreryDriver, type OrreryDriverOptions } from './graphql/driver/driver.js';
import { RESOLVERS } from './graphql/resolvers.js';
import { HealthController } from './health/health.controller.js';
import { LiveModule } from './live/live.module.js';
import { type GatewayOptions, ServicesModule } from './services.module.js';
import { LOGGER, SETTINGS } from './tokens.js';

@Module({})
export class GatewayModule {
  static for(options: GatewayOptions): DynamicModule {
    const { databaseUrl, installation, log, mqtt, name, settings } = options;
    return {
      module: GatewayModule,
      imports: [
        ServicesModule.for(options),
        LiveModule.for({
          gateway: name,
          databaseUrl,
          installation,
          topics: topicsOf(settings.cluster),
          wire: mqtt,
          log,
        }),
        GraphQLModule.forRootAsync<OrreryDriverOptions>({
          driver: OrreryDriver,
          inject: [KeysService, ContextsService, LOGGER, SETTINGS],
          useFactory: driverOptions,
        }),
      ],
      providers: [...RESOLVERS],
      controllers: [HealthController],
    };
  }
}

function driverOptions(
  keys: KeysService,
  contexts: ContextsService,
  log: Logger,
  settings: Settings,
): Omit<OrreryDriverOptions, 'driver'> {
  return {
    autoSchemaFile: true,
    log,
    hasPage: settings.environment === 'dev',
    authenticate: (authorization) => keys.authenticate(authorization),
    contextOf: (viewer) => contexts.of(viewer),
    keyLimits: new KeyLimits({
      rate: settings.rateLimit,
      subscriptionsMax: settings.subscriptionsMax,
      clock: systemClock,
    }),
  };
}
