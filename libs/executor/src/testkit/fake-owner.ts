import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '#actor';
import type { Place, Token } from '#core';
import { type Mqtt, createMqtt } from '#mqtt';
import {
  type Down,
  type DownFrom,
  type ExecutorBirth,
  type LogChunk,
  type Up,
  type Work,
  beatCodec,
  decodeEnvelope,
  decodeExecutorPresence,
  downCodec,
  encodeEnvelope,
  lastLevel,
  logCodec,
  topicsOf,
  upCodec,
} from '#protocol';

export const BOUND_MS = 5_000;
export const CLUSTER = 'test';
export const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const THREAD = 'thread-1';
const PARTITION = 7;

type Unsent<I> = I extends DownFrom ? Omit<I, 'partition' | 'epoch' | 'floor'> : never;

/** One thread that owns one partition, as an executor meets it: it says what a test tells it to. */
export class FakeOwner {
  readonly partition = PARTITION;
  epoch = 1;
  seq = 0;
  floor: Place | undefined;
  cluster = 'life-1';
  session = '';
  birth: ExecutorBirth | undefined;
  births = 0;
  readonly ups: Up[] = [];
  readonly logs: LogChunk[] = [];
  readonly beats: number[] = [];
  /** What a birth is answered with; undefined: silence. */
  welcome: ((birth: ExecutorBirth) => number) | undefined = (birth) => birth.incarnation ?? 1;
  answersBeats = true;
  /** Acknowledges reports and digests at once. */
  acks = true;
  private readonly topics = topicsOf(CLUSTER);

  private constructor(
    private readonly mqtt: Mqtt,
    readonly executor: string,
    readonly thread: string,
  ) {
    mqtt.subscribe(this.topics.executorPresence(executor), (_topic, payload) => {
      const presence = decodeExecutorPresence(payload);
      if (presence?.state === 'birth') this.born(presence);
    });
    mqtt.subscribe(this.topics.beat(executor), (_topic, payload) => {
      const read = decodeEnvelope(beatCodec, payload);
      if (!read.ok) throw new Error(read.why);
      for (const beat of read.envelope.items) {
        this.beats.push(beat.n);
        if (this.answersBeats) this.say({ kind: 'beat', n: beat.n, at: Date.now() });
      }
    });
    mqtt.subscribe(this.topics.up(this.thread, executor), (topic, payload) => {
      const read = decodeEnvelope(upCodec, payload);
      if (!read.ok || lastLevel(topic) !== executor) throw new Error('not an item up');
      for (const item of read.envelope.items) this.heard(item);
    });
    mqtt.subscribe(this.topics.log(this.thread, executor), (_topic, payload) => {
      const read = decodeEnvelope(logCodec, payload);
      if (!read.ok) throw new Error(read.why);
      this.logs.push(...read.envelope.items);
    });
  }

  static async open(url: string, executor: string, thread = THREAD): Promise<FakeOwner> {
    const mqtt = createMqtt({ url, clientId: `owner-${thread}-${executor}`, log: silent });
    const owner = new FakeOwner(mqtt, executor, thread);
    await mqtt.start();
    await until(() => mqtt.up, BOUND_MS);
    return owner;
  }

  close(): Promise<void> {
    return this.mqtt.stop();
  }

  say(item: Down, session = this.session): void {
    const envelope = { sender: this.thread, session, items: [item] };
    this.mqtt.publish(this.topics.down(this.executor), encodeEnvelope(downCodec, envelope));
  }

  raw(payload: string): void {
    this.mqtt.publish(this.topics.down(this.executor), payload);
  }

  /** With our epoch and floor. */
  own(item: Unsent<DownFrom>): void {
    const { partition, epoch } = this;
    const floor = this.floor ?? { epoch: 1, seq: 0 };
    this.say({ ...item, partition, epoch, floor } as DownFrom);
  }

  token(run: string, attempt = 1): Token {
    this.seq += 1;
    const { executor, epoch, seq } = this;
    return { run, attempt, executor, incarnation: this.birth?.incarnation ?? 1, epoch, seq };
  }

  assign(token: Token, spec: object, more: Partial<Work> = {}): void {
    const work = {
      kind: 'SHELL',
      spec: JSON.stringify(spec),
      params: null,
      project: 'p',
      job: 'j',
      timeoutMs: 60_000,
      graceMs: 1_000,
      heartbeatMs: null,
      stopAfterMs: null,
      ...more,
    };
    this.own({ kind: 'assign', token, work });
  }

  /** The first item of this kind about this run; waited for. */
  async heardOf<K extends Up['kind']>(kind: K, run: string): Promise<Extract<Up, { kind: K }>> {
    const find = (): Up | undefined =>
      this.ups.find((up) => up.kind === kind && 'token' in up && up.token.run === run);
    await until(() => find() !== undefined, BOUND_MS);
    return find() as Extract<Up, { kind: K }>;
  }

  async digest(): Promise<Extract<Up, { kind: 'digest' }>> {
    const find = (): Up | undefined => this.ups.findLast((up) => up.kind === 'digest');
    await until(() => find() !== undefined, BOUND_MS);
    return find() as Extract<Up, { kind: 'digest' }>;
  }

  kinds(run: string): readonly string[] {
    return this.ups.flatMap((up) => ('token' in up && up.token.run === run ? [up.kind] : []));
  }

  /** What was written to a stream, put together by offset. */
  logOf(run: string, stream: LogChunk['stream']): string {
    const chunks = this.logs.filter((chunk) => chunk.run === run && chunk.stream === stream);
    let text = '';
    for (const { offset, body } of chunks.toSorted((a, b) => a.offset - b.offset)) {
      if (offset !== Buffer.byteLength(text)) throw new Error(`a gap before ${offset}`);
      text += body;
    }
    return text;
  }

  private born(birth: ExecutorBirth): void {
    this.births += 1;
    this.session = birth.session;
    this.birth = birth;
    if (this.welcome === undefined) return;
    const incarnation = this.welcome(birth);
    this.say({ kind: 'welcome', cluster: this.cluster, incarnation });
  }

  private heard(item: Up): void {
    this.ups.push(item);
    if (!this.acks) return;
    if (item.kind === 'result' || item.kind === 'bounce') {
      this.own({ kind: 'ack', token: item.token, of: item.kind });
    } else if (item.kind === 'digest') this.own({ kind: 'digested', watermark: item.watermark });
  }
}

/** As libs/broker makes one; a test passes it in. */
interface BrokerLike {
  start(): Promise<{ readonly url: string }>;
  stop(): Promise<void>;
}

/** A broker and a directory of their own for each test. */
export interface World {
  readonly url: string;
  readonly broker: BrokerLike;
  readonly directory: string;
  end(): Promise<void>;
}

export async function openWorld(broker: BrokerLike): Promise<World> {
  const { url } = await broker.start();
  const directory = mkdtempSync(path.join(tmpdir(), 'orrery-executor-'));
  return {
    url,
    broker,
    directory,
    async end() {
      await broker.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
