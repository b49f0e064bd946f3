import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  type Codec,
  type Envelope,
  beatCodec,
  decodeEnvelope,
  decodeExecutorPresence,
  decodeSchedulerPresence,
  lastLevel,
  liveCodec,
  logCodec,
  softCodec,
  upCodec,
} from '#protocol';
import type { Counters, createThrottle } from '#telemetry';
import type { Delivery } from '#transport';
import type { LogWriter } from './log-writer.js';
import type { ThreadMessage } from '#thread';

export const INGRESS = Symbol('ingress');

export interface Ingress {
  /** Of our installation. */
  readonly life: string;
  readonly tell: (message: ThreadMessage) => void;
  /** Beside the mailbox: what jobs write never waits for commits, nor they for it. */
  readonly logs: LogWriter;
  readonly counters: Counters;
  readonly throttled: ReturnType<typeof createThrottle>;
}

/**
 * What comes over MQTT, decoded and put into the thread's mailbox. A message that makes no sense is
 * counted, logged once a minute, and dropped: anybody may write to a broker.
 */
@Controller()
export class IngressController {
  constructor(@Inject(INGRESS) private readonly ingress: Ingress) {}

  @EventPattern('orrery/v1/{cluster}/s/{thread}/up/+')
  up(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      const envelope = this.decode(topic, upCodec, payload);
      if (envelope === undefined) continue;
      const executor = lastLevel(topic);
      // The topic is what a broker's permissions bind to an executor: the envelope must agree.
      if (envelope.sender !== executor) this.poison(topic, 'wrong-sender');
      else {
        const { items } = envelope;
        // What an attempt wrote is there before anybody can see that it has ended.
        this.ingress.logs.after(executor, () => this.ingress.tell({ kind: 'up', executor, items }));
      }
    }
  }

  @EventPattern('orrery/v1/{cluster}/s/{thread}/in')
  soft(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      const envelope = this.decode(topic, softCodec, payload);
      if (envelope !== undefined) this.ingress.tell({ kind: 'soft', items: envelope.items });
    }
  }

  @EventPattern('orrery/v1/{cluster}/s/{thread}/log/+')
  logs(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      const envelope = this.decode(topic, logCodec, payload);
      if (envelope === undefined) continue;
      const executor = lastLevel(topic);
      if (envelope.sender !== executor) this.poison(topic, 'wrong-sender');
      else this.ingress.logs.add(executor, envelope.items);
    }
  }

  @EventPattern('orrery/v1/{cluster}/presence/x/+')
  executors(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      if (payload.length === 0) continue;
      const presence = decodeExecutorPresence(payload);
      if (presence === undefined) this.poison(topic, 'wrong-schema');
      else this.ingress.tell({ kind: 'presence', executor: lastLevel(topic), presence });
    }
  }

  @EventPattern('orrery/v1/{cluster}/presence/s/+')
  schedulers(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      if (payload.length === 0) continue;
      const presence = decodeSchedulerPresence(payload);
      if (presence === undefined) this.poison(topic, 'wrong-schema');
      else if (presence.state === 'birth' && presence.life !== this.ingress.life) {
        this.foreign(topic, presence.life);
      } else this.ingress.tell({ kind: 'scheduler', thread: lastLevel(topic), presence });
    }
  }

  @EventPattern('orrery/v1/{cluster}/beat/+')
  beats(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      const envelope = this.decode(topic, beatCodec, payload);
      for (const beat of envelope?.items ?? []) {
        this.ingress.tell({ kind: 'beat', executor: lastLevel(topic), beat });
      }
    }
  }

  @EventPattern('orrery/v1/{cluster}/live/want')
  wants(@Payload() deliveries: readonly Delivery[]): void {
    for (const { topic, payload } of deliveries) {
      const envelope = this.decode(topic, liveCodec, payload);
      for (const item of envelope?.items ?? []) {
        if (item.kind === 'want') this.ingress.tell({ kind: 'want', partitions: item.partitions });
      }
    }
  }

  private decode<I>(topic: string, codec: Codec<I>, payload: Buffer): Envelope<I> | undefined {
    const decoded = decodeEnvelope(codec, payload);
    if (decoded.ok) return decoded.envelope;
    this.poison(topic, decoded.why);
    return undefined;
  }

  /** Both had begun before either could see the other: one of them has to go. */
  private foreign(topic: string, life: string): void {
    this.ingress
      .throttled('foreign')
      .error('a scheduler of another installation uses this broker under the name of our cluster', {
        thread: lastLevel(topic),
        life,
        ours: this.ingress.life,
      });
  }

  private poison(topic: string, why: string): void {
    this.ingress.counters.counter('mqtt_poison_messages').add();
    this.ingress.throttled(`poison/${why}`).warn('a message makes no sense and is dropped', {
      topic,
      why,
    });
  }
}
