import net from 'node:net';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { MessageHandler } from './dispatch.js';

const CONNECT_BOUND_MS = 5_000;
const CLOSE_BOUND_MS = 1_000;

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

export interface PublishOptions {
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

export interface Bounds {
  /** Bytes that wait in the socket, and bytes of QoS 1 without an acknowledgement. */
  readonly inFlightBytesMax: number;
  /** QoS 1 messages without an acknowledgement. */
  readonly inFlightMax: number;
  readonly payloadBytesMax: number;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly keepaliveS: number;
  readonly will: Will | undefined;
  readonly bounds: Bounds;
  readonly onOpen: () => void;
  readonly onMessage: MessageHandler;
  readonly onError: (error: Error) => void;
  readonly onClose: () => void;
}

/** One connection of one session: it is never opened again, so nothing can wait in it. */
export interface Connection {
  publish(topic: string, payload: Buffer, options: PublishOptions, done?: () => void): boolean;
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filter: string): void;
  /** With DISCONNECT, so that the broker forgets the will; within a bound. */
  close(): Promise<void>;
  /** As if the network had failed: the broker publishes the will. */
  destroy(): void;
}

/**
 * mqtt.js fixes the will when a client is made and keeps what it could not send for its next
 * connection. Neither is wanted, so each connection is a client of its own.
 */
export function openConnection(options: ConnectionOptions): Connection {
  const { bounds } = options;
  const client = mqtt.connect(options.url, clientOptions(options));
  if (client.stream instanceof net.Socket) client.stream.setNoDelay(true);
  client.on('connect', options.onOpen);
  client.on('message', (topic, payload, packet) => {
    options.onMessage(topic, payload, packet.retain, packet.qos === 0 ? 0 : 1);
  });
  client.on('error', options.onError);
  client.on('close', options.onClose);
  let inFlight = 0;
  let inFlightBytes = 0;

  const publish: Connection['publish'] = (topic, payload, { qos = 0, retain = false }, done) => {
    const bytes = payload.length + topic.length;
    if (!client.connected || payload.length > bounds.payloadBytesMax) return false;
    if (client.stream.writableLength + bytes > bounds.inFlightBytesMax) return false;
    if (qos === 0) {
      client.publish(topic, payload, { qos, retain });
      return true;
    }
    if (inFlight >= bounds.inFlightMax) return false;
    if (inFlightBytes + bytes > bounds.inFlightBytesMax) return false;
    inFlight += 1;
    inFlightBytes += bytes;
    client.publish(topic, payload, { qos, retain }, (error) => {
      inFlight -= 1;
      inFlightBytes -= bytes;
      if (!error) done?.();
    });
    return true;
  };

  return {
    publish,
    async subscribe(filters) {
      // QoS 1 at most: the publisher of each message decides.
      if (filters.length > 0) await client.subscribeAsync([...filters], { qos: 1 });
    },
    unsubscribe(filter) {
      if (client.connected) client.unsubscribe(filter, () => undefined);
    },
    close: () => closeWithin(client),
    destroy: () => {
      client.end(true);
    },
  };
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { will } = options;
  return {
    clientId: options.clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: options.keepaliveS,
    connectTimeout: CONNECT_BOUND_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    ...(will
      ? {
          will: {
            topic: will.topic,
            payload: will.payload,
            qos: will.qos ?? 1,
            retain: will.retain ?? false,
          },
        }
      : {}),
  };
}

async function closeWithin(client: MqttClient): Promise<void> {
  const bound = setTimeout(() => client.stream.destroy(), CLOSE_BOUND_MS);
  // mqtt.js waits for every acknowledgement, also for those that a lost connection never brings.
  const closed = new Promise<void>((resolve) => client.stream.once('close', () => resolve()));
  try {
    // Without a connection there is nobody to take leave of.
    await Promise.race([client.endAsync(!client.connected), closed]);
  } finally {
    clearTimeout(bound);
    client.stream.destroy();
  }
}
