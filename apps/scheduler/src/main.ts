import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { loadSettings } from '#config';
import { readInstallation } from '#postgres';
import { giveUp } from '#process';
import { refuseOtherLife } from './life-guard.js';
import { NameGuard } from './name-guard.js';
import { createLogger } from '#telemetry';
import { SchedulerModule } from './scheduler.module.js';

async function main(): Promise<void> {
  const loaded = loadSettings();
  if (!loaded.ok) return giveUp(loaded.problems.join('\n'));
  const { settings } = loaded;
  if (settings.databaseUrl === undefined) return giveUp('Set DATABASE_URL: a scheduler needs one.');
  if (settings.mqttUrl === undefined) return giveUp('Set MQTT_URL: a scheduler needs one.');
  const { logLevel: level, logFormat: format } = settings;
  const log = createLogger({ level, format, role: settings.schedulerName });
  const installation = await readInstallation(settings.databaseUrl, settings);
  const name = new NameGuard(settings.databaseUrl, settings.schedulerName, log);
  await name.take();
  const { mqttUrl, cluster } = settings;
  const { life } = installation;
  await refuseOtherLife({ mqttUrl, cluster, life, scheduler: settings.schedulerName, log });
  const app = await NestFactory.createApplicationContext(
    SchedulerModule.for(settings, log, installation),
    { logger: false },
  );
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void app.close().finally(() => process.exit(0));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  process.on('disconnect', stop);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.send?.({ ready: true });
  log.info('the scheduler runs', { threads: settings.schedulerThreads });
}

main().catch((error: unknown) => {
  giveUp(`The scheduler cannot start: ${error instanceof Error ? error.message : String(error)}`);
});
