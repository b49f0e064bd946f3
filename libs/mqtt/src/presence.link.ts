import type { Will } from './connection.js';
import { createMqtt, type Mqtt, type MqttOptions } from './mqtt.js';

/** Two processes with one name must not answer each other at the speed of the wire. */
const REPEAT_GAP_MS = 1_000;

export interface PresenceOptions {
  readonly mqtt: Omit<MqttOptions, 'will' | 'farewell'>;
  /** Birth and death stand here, retained, in each other's place. */
  readonly topic: string;
  readonly birth: (session: string) => Buffer;
  readonly death: (session: string) => Buffer;
}

export interface PresenceLink {
  /** Carries the presence; to be used for everything else as well. Its stop says farewell too. */
  readonly client: Mqtt;
  readonly session: string | undefined;
  /** Publishes a birth made anew, for instance with other slots. */
  refresh(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Presence after Sparkplug: birth and will on one topic, both with the session of this connection,
 * so that a late death of an earlier one is told from ours. It is a level, not an edge: whoever
 * writes something foreign over our state (the will of our former connection, most often) is
 * answered with the birth again.
 */
export function createPresenceLink(options: PresenceOptions): PresenceLink {
  const { topic } = options;
  let born: Buffer | undefined;
  let repeatAt = 0;
  let repeat: NodeJS.Timeout | undefined;
  let release: (() => void) | undefined;

  const publishBirth = (): void => {
    if (born) client.publish(topic, born, { qos: 1, retain: true });
  };
  const beBorn = (session: string): void => {
    born = options.birth(session);
    publishBirth();
  };
  const rest = (): void => {
    clearTimeout(repeat);
    repeat = undefined;
    born = undefined;
  };
  const client = createMqtt({
    ...options.mqtt,
    will: (session): Will => ({ topic, payload: options.death(session), qos: 1, retain: true }),
    onConnect: (session) => {
      beBorn(session);
      options.mqtt.onConnect?.(session);
    },
    farewell: async (session) => {
      rest();
      await client.publishAcked(topic, options.death(session), true);
    },
  });

  const onState = (_topic: string, payload: Buffer): void => {
    if (!born || payload.equals(born) || repeat) return;
    options.mqtt.log.info('a foreign state on our presence topic is answered', { topic });
    const now = performance.now();
    repeat = setTimeout(
      () => {
        repeat = undefined;
        repeatAt = performance.now();
        publishBirth();
      },
      Math.max(0, repeatAt + REPEAT_GAP_MS - now),
    );
  };

  return {
    client,
    get session() {
      return client.session;
    },
    refresh() {
      if (client.up && client.session) beBorn(client.session);
    },
    async start() {
      release ??= client.subscribe(topic, onState);
      await client.start();
    },
    async stop() {
      await client.stop();
      rest();
      release?.();
      release = undefined;
    },
  };
}
