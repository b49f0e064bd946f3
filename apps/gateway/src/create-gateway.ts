import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '#config';
import { createMqtt } from '#mqtt';
import type { Installation } from '#postgres';
import type { Logger } from '#telemetry';
import { GatewayModule } from './gateway.module.js';
import { REQUEST_BYTES_MAX } from './graphql/driver/http.js';

export interface CreateOptions {
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly mqttUrl: string;
  readonly log: Logger;
  readonly installation: Installation;
}

/** A whole gateway, not yet listening. */
export async function createGateway(options: CreateOptions): Promise<NestFastifyApplication> {
  const { settings, databaseUrl, mqttUrl, log, installation } = options;
  const name = `gateway-${randomBytes(4).toString('hex')}`;
  const mqtt = createMqtt({ url: mqttUrl, clientId: name, log });
  const module = GatewayModule.for({ settings, databaseUrl, log, installation, mqtt, name });
  const adapter = new FastifyAdapter({
    bodyLimit: REQUEST_BYTES_MAX,
    forceCloseConnections: 'idle',
  });
  return await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    bodyParser: false, // the driver has its own, which keeps big integers
    abortOnError: false,
  });
}
