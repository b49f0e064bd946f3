import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { systemClock } from '#actor';
import type { Settings } from '#config';
import { Connection } from '#postgres';
import type { Logger } from '#telemetry';
import { LOGGER, SETTINGS } from '../threads.service.js';
import { Upkeep } from './upkeep.js';

const TRANSACTION_TIMEOUT_MS = 10_000;

/** Upkeep in the process's main thread: its statements are rare and small. */
@Injectable()
export class UpkeepService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly upkeep: Upkeep;

  constructor(@Inject(SETTINGS) settings: Settings, @Inject(LOGGER) log: Logger) {
    const { databaseUrl: url = '', schedulerName } = settings;
    const connect = (): Connection =>
      new Connection({
        url,
        role: 'orrery_scheduler',
        name: `orrery/${schedulerName}/upkeep`,
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      });
    this.upkeep = new Upkeep({ connect, clock: systemClock, log });
  }

  onApplicationBootstrap(): void {
    this.upkeep.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.upkeep.stop();
  }
}
