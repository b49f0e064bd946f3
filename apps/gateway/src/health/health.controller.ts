import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Mqtt } from '#mqtt';
import { type Reader, readClock } from '#postgres';
import { GATEWAY_READER, MQTT } from '../intake/hints.service.js';

const ANSWER_WITHIN_MS = 1_000;

@Controller()
export class HealthController {
  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(MQTT) private readonly mqtt: Mqtt,
  ) {}

  /** The process answers; nothing else is asked. */
  @Get('livez')
  live(): { readonly live: true } {
    return { live: true };
  }

  /** The broker is told and not required: without it work is slower, and none is refused. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const database = await this.databaseAnswers();
    if (!database) reply.code(HttpStatus.SERVICE_UNAVAILABLE);
    return { ready: database, database, broker: this.mqtt.up };
  }

  private async databaseAnswers(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ANSWER_WITHIN_MS);
    });
    const answered = readClock(this.reader).then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([answered, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
