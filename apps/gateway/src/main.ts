import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings } from '#config';
import { readInstallation } from '#postgres';
import { giveUp } from '#process';
import { createLogger } from '#telemetry';
import { createGateway } from './create-gateway.js';

const STOP_WITHIN_MS = 1_800;

function stopOnce(app: NestFastifyApplication): () => void {
  let isStopping = false;
  return () => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
    void app.close().finally(() => process.exit(0)); // either way it is over
  };
}

async function main(): Promise<void> {
  const loaded = loadSettings();
  if (!loaded.ok) return giveUp(loaded.problems.join('\n'));
  const { settings } = loaded;
  const { databaseUrl, mqttUrl, host, port, logLevel: level, logFormat: format } = settings;
  if (databaseUrl === undefined) return giveUp('Set DATABASE_URL: a gateway needs one.');
  if (mqttUrl === undefined) return giveUp('Set MQTT_URL: a gateway needs one.');
  const log = createLogger({ level, format, role: 'gateway' });
  const installation = await readInstallation(databaseUrl, settings);
  const app = await createGateway({ settings, databaseUrl, mqttUrl, log, installation });
  const stop = stopOnce(app);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  process.on('disconnect', stop);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await app.listen({ port, host });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return giveUp(`Port ${port} on ${host} is taken: stop who holds it, or set ORRERY_PORT.`);
  }
  const address = app.getHttpServer().address() as AddressInfo;
  const place = `${host.includes(':') ? `[${host}]` : host}:${address.port}/graphql`;
  const endpoints = { graphql: `http://${place}`, ws: `ws://${place}` };
  process.send?.({ ready: true, ...endpoints });
  log.info('the gateway listens', endpoints);
}

main().catch((error: unknown) => {
  giveUp(`The gateway cannot start: ${error instanceof Error ? error.message : String(error)}`);
});
