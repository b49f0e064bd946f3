import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestMicroservice } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { ActorContext, ActorRef, ThreadEntry } from '#actor';
import { LIMITS } from '#core';
import { createPresenceLink } from '#mqtt';
import { Connection, PostgresStore, newSession } from '#postgres';
import { encodePresence, topicsOf } from '#protocol';
import {
  type LogFormat,
  type LogLevel,
  createCounters,
  createLogger,
  createThrottle,
} from '#telemetry';
import { MqttBatchStrategy } from '#transport';
import { INGRESS, type Ingress, IngressController } from './ingress.controller.js';
import { LogWriter } from './log-writer.js';
import { ThreadHost, type ThreadMessage, laneOfMessage } from '#thread';

/** All that a thread is told: plain values, as closures cannot cross. */
export interface ThreadArgs {
  readonly thread: string;
  readonly scheduler: string;
  readonly databaseUrl: string;
  readonly mqttUrl: string;
  readonly cluster: string;
  readonly partitions: number;
  readonly life: string;
  readonly silentAfterMs: number;
  readonly massLossAfterMs: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Beside what it works at: to hand over what it has while it still works. */
export type ThreadMail =
  | ThreadMessage
  | { readonly kind: 'leave'; readonly replyTo: ActorRef<'left'> };

interface ThreadState {
  readonly host: ThreadHost;
  readonly service: INestMicroservice;
  readonly release: () => Promise<void>;
}

const SECOND_MS = 1_000;

/** One scheduler thread as an actor: its mailbox, the host behind, a Nest microservice before. */
export const schedulerThread: ThreadEntry<ThreadMail, ThreadState, ThreadArgs> = {
  behavior: {
    name: 'scheduler-thread',
    start: (args, context) => ({ loading: begin(args, context) }),
    receive(state, message, context) {
      if (message.kind === 'leave') {
        state.host.stop(() => void message.replyTo.tell('left'));
        return state;
      }
      state.host.receive(message);
      if (message.kind === 'second') context.timer('second', SECOND_MS, { kind: 'second' });
      return state;
    },
    settle(state) {
      state.host.settle();
      return state;
    },
    stopped(state) {
      // The thread ends when its event loop is empty: what is let go here empties it.
      void state.release();
    },
  },
  options: {
    mailbox: {
      capacity: 65_536,
      slice: 512,
      overflow: 'reject',
      lane: (mail) => (mail.kind === 'leave' ? 0 : laneOfMessage(mail)),
    },
    supervision: {
      scope: 'one',
      decide: () => 'restart',
      intensity: { restarts: 5, within: 60_000 },
      backoff: { first: 100, max: 5_000, jitter: 0.2, resetAfter: 30_000 },
    },
  },
};

async function begin(args: ThreadArgs, context: ActorContext<ThreadMail>): Promise<ThreadState> {
  const { thread, logLevel: level, logFormat: format } = args;
  const log = createLogger({ level, format, role: `scheduler/${thread}` });
  const session = newSession();
  const topics = topicsOf(args.cluster);
  const tell = (message: ThreadMessage): void => void context.self.tell(message);
  // What the host waits for is outside the mailbox's bound: refused, it would wait for ever.
  const answer = (m: ThreadMessage): void => context.pipe(Promise.resolve(m), () => m);
  const presence = createPresenceLink({
    topic: topics.schedulerPresence(thread),
    birth: (of) =>
      Buffer.from(encodePresence({ v: 1, state: 'birth', session: of, life: args.life })),
    death: (of) => Buffer.from(encodePresence({ v: 1, state: 'death', session: of })),
    mqtt: { url: args.mqttUrl, clientId: `orrery-${thread}-${session}`, log },
  });
  const connection = (pinned: boolean): Connection =>
    new Connection({
      url: args.databaseUrl,
      role: 'orrery_scheduler',
      name: `orrery/${thread}/${session}`,
      pinned,
      transactionTimeoutMs: 10_000,
    });
  const connections = {
    commits: connection(true),
    reads: connection(true),
    control: connection(true),
    logs: connection(true),
  };
  const timers = new Set<NodeJS.Timeout>();
  const after = (delayMs: number, run: () => void): (() => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs);
    timers.add(timer);
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  };
  const mqtt = presence.client;
  const host = new ThreadHost(
    { ...args, session, topics, limits: LIMITS },
    {
      wire: mqtt,
      store: new PostgresStore(connections),
      log,
      tell: answer,
      after,
      mono: () => performance.now(),
    },
  );
  const link = mqtt.up$.subscribe((up) => tell({ kind: 'link', up }));
  const logs = new LogWriter(connections.logs, log);
  const service = await ingress(args, presence.client, log, { tell, logs });
  await presence.start();
  host.start();
  context.timer('second', SECOND_MS, { kind: 'second' });
  const release = async (): Promise<void> => {
    for (const timer of timers) clearTimeout(timer);
    link.unsubscribe();
    await new Promise<void>((done) => host.stop(done));
    await service.close();
    await presence.stop();
    await logs.stop();
    await Promise.all(Object.values(connections).map(async (c) => await c.stop()));
  };
  return { host, service, release };
}

async function ingress(
  args: ThreadArgs,
  client: Parameters<typeof createStrategy>[0],
  log: ReturnType<typeof createLogger>,
  to: Pick<Ingress, 'tell' | 'logs'>,
): Promise<INestMicroservice> {
  const counters = createCounters();
  const throttled = createThrottle({ logger: log, nowMs: () => performance.now() });
  const value: Ingress = { ...to, life: args.life, counters, throttled };
  @Module({
    controllers: [IngressController],
    providers: [{ provide: INGRESS, useValue: value }],
  })
  class ThreadModule {}
  const service = await NestFactory.createMicroservice<MicroserviceOptions>(ThreadModule, {
    logger: false,
    strategy: createStrategy(client, args, log),
  });
  await service.listen();
  return service;
}

function createStrategy(
  client: ConstructorParameters<typeof MqttBatchStrategy>[0]['client'],
  args: ThreadArgs,
  log: ReturnType<typeof createLogger>,
): MqttBatchStrategy {
  const values = { cluster: args.cluster, thread: args.thread };
  return new MqttBatchStrategy({ client, values, log });
}
