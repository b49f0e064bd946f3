import path from 'node:path';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { workerUrl } from '#actor';
import type { Settings } from '#config';
import { type Executor, ExecutorProblem, type Handlers, createExecutor } from '#executor';
import type { Logger } from '#telemetry';

const SETTINGS = Symbol('settings');
const LOGGER = Symbol('logger');

/** The executor that a Nest application context carries. */
@Injectable()
export class Daemon implements OnApplicationShutdown {
  readonly executor: Executor;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOGGER) log: Logger,
  ) {
    const { mqttUrl, executorId } = settings;
    if (mqttUrl === undefined) {
      throw new ExecutorProblem(
        'MQTT_URL is not set: give the broker of the cluster, like mqtt://broker:1883.',
      );
    }
    this.executor = createExecutor({
      mqttUrl,
      id: executorId,
      directory: settings.executorDirectory ?? path.join(settings.home, 'executors', executorId),
      cluster: settings.cluster,
      pool: settings.executorPool,
      slots: settings.executorSlots,
      labels: settings.executorLabels,
      beatMs: settings.beatMs,
      http: { allow: settings.httpAllow },
      handlers: settings.environment === 'dev' ? demoHandlers() : {},
      log,
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.executor.stop({ drainMs: this.settings.executorDrainMs });
  }
}

function demoHandlers(): Handlers {
  const module = workerUrl(import.meta.url, './handlers/demo');
  return { noop: { module }, flaky: { module } };
}

@Module({})
export class DaemonModule {
  static of(settings: Settings, log: Logger): DynamicModule {
    return {
      module: DaemonModule,
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: LOGGER, useValue: log },
        Daemon,
      ],
    };
  }
}
