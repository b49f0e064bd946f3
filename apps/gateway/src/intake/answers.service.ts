import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { CommandOutcome } from '#core';
import { type Reader, findAnswers } from '#postgres';
import { Batch } from '../graphql/driver/batch.js';
import { GATEWAY_READER } from './hints.service.js';

const ANSWER_WITHIN_MS = 5_000;
const POLL_MS = { first: 20, max: 1_000 } as const;

/** What owners made of commands: they write it in the commit that applies the command. */
@Injectable()
export class AnswersService {
  private readonly answers: Batch<string, CommandOutcome>;

  constructor(@Inject(GATEWAY_READER) reader: Reader) {
    this.answers = new Batch((commands) => findAnswers(reader, commands));
  }

  /** Undefined: not within the time that a caller waits; it is safe all the same. */
  async outcomeOf(command: string): Promise<CommandOutcome | undefined> {
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    let pauseMs: number = POLL_MS.first;
    for (;;) {
      const outcome = await this.answers.load(command);
      const leftMs = deadline - performance.now();
      if (outcome !== undefined || leftMs <= 0) return outcome;
      await delay(Math.min(pauseMs, leftMs));
      pauseMs = Math.min(pauseMs * 1.5, POLL_MS.max);
    }
  }
}
