import { type MqttClient, connectAsync } from 'mqtt';
import { topicsOf } from '#protocol';

/** Those of the cluster that `orrery dev` runs. */
export const topics = topicsOf('main');

/** Somebody else at the broker: hears what it asked for, and may write whatever it likes. */
export class Wire {
  /** The newest message of each topic. */
  readonly newest = new Map<string, string>();
  isClosed = false;

  private constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload) => this.newest.set(topic, payload.toString()));
    client.on('close', () => {
      this.isClosed = true;
    });
    // A broker that hangs up is told by `isClosed`.
    client.on('error', () => undefined);
  }

  static async open(url: string): Promise<Wire> {
    return new Wire(await connectAsync(url, { reconnectPeriod: 0 }));
  }

  async hear(filter: string): Promise<void> {
    await this.client.subscribeAsync(filter, { qos: 1 });
  }

  /** Resolves when the broker has it. */
  async say(topic: string, payload: string | Buffer, retain = false): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, retain });
  }

  /** For what no broker need take: nobody waits for an answer. */
  fling(topic: string, payload: Buffer): void {
    this.client.publish(topic, payload, () => undefined);
  }

  close(): void {
    this.client.end(true);
  }
}
