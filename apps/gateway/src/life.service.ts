import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Mqtt } from '#mqtt';
import { Definitions } from '#definitions';
import { type Reader } from '#postgres';
import { DIRECTORY_READER } from './auth/projects.service.js';
import { FEED_READER } from './auth/readers.js';
import { GroupCommit } from './intake/group-commit.js';
import { GATEWAY_READER, HintsService, MQTT } from './intake/hints.service.js';

/** Starts what lives long before the first request, and stops it after the last one. */
@Injectable()
export class LifeService implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly definitions: Definitions,
    private readonly hints: HintsService,
    private readonly intake: GroupCommit,
    @Inject(MQTT) private readonly mqtt: Mqtt,
    @Inject(GATEWAY_READER) private readonly gatewayReader: Reader,
    @Inject(DIRECTORY_READER) private readonly directoryReader: Reader,
    @Inject(FEED_READER) private readonly feedReader: Reader,
  ) {}

  async onModuleInit(): Promise<void> {
    await Promise.all([this.definitions.start(), this.mqtt.start(), this.hints.start()]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.hints.stop();
    await this.intake.stop();
    await Promise.all([
      this.mqtt.stop(),
      this.definitions.stop(),
      this.gatewayReader.stop(),
      this.directoryReader.stop(),
      this.feedReader.stop(),
    ]);
  }
}
