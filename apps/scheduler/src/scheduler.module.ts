import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '#config';
import type { Installation } from '#postgres';
import type { Logger } from '#telemetry';
import { UpkeepService } from './upkeep/upkeep.service.js';
import { INSTALLATION, LOGGER, SETTINGS, ThreadsService } from './threads.service.js';

@Module({})
export class SchedulerModule {
  static for(settings: Settings, log: Logger, installation: Installation): DynamicModule {
    return {
      module: SchedulerModule,
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: LOGGER, useValue: log },
        { provide: INSTALLATION, useValue: installation },
        ThreadsService,
        UpkeepService,
      ],
    };
  }
}
