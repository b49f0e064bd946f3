import { Inject, Injectable } from '@nestjs/common';
import type { Settings } from '#config';
import type { Mqtt } from '#mqtt';
import { type NewCommand, type NewRun, type Reader, readPartitions } from '#postgres';
import {
  type Soft,
  decodeEnvelope,
  encodeEnvelope,
  encodeHint,
  softCodec,
  topicsOf,
} from '#protocol';
import type { Logger } from '#telemetry';
import { LOGGER, SETTINGS } from '../tokens.js';

export const MQTT = Symbol('mqtt');
export const GATEWAY_READER = Symbol('gateway-reader');

interface Owner {
  readonly thread: string | null;
  readonly epoch: number;
}
type Told = Extract<Soft, { kind: 'submitted' | 'nudge' }>;

const POLL_MS = 1_000;
const ITEMS_MAX = 100;

/**
 * Tells owners what was just written for them. A hint that is lost, or that nobody owns, costs at
 * most a second: the inbox row is swept.
 */
@Injectable()
export class HintsService {
  private readonly owners = new Map<number, Owner>();
  private stopListening: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isPolling = false;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(MQTT) private readonly mqtt: Mqtt,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async start(): Promise<void> {
    const { owned } = topicsOf(this.settings.cluster);
    this.stopListening ??= this.mqtt.subscribe(owned('+'), (_topic, payload) => this.hear(payload));
    await this.poll();
    this.timer ??= setInterval(() => void this.poll(), POLL_MS); // it never rejects
  }

  stop(): void {
    clearInterval(this.timer);
    this.stopListening?.();
  }

  committed(runs: readonly NewRun[], commands: readonly NewCommand[], at: number): void {
    const nudged = new Set(commands.map((command) => command.partition));
    const hints: Told[] = [];
    for (const run of runs) {
      const { partition, given, asked } = run;
      // How it ends, and who has asked for it, stands in its row alone.
      if (given !== undefined || asked !== undefined) nudged.add(partition);
      else hints.push({ kind: 'submitted', partition, row: hintOf(run, at) });
    }
    this.tell(hints);
    this.nudge(nudged);
  }

  /** There is something in these inboxes. */
  nudge(partitions: Iterable<number>): void {
    this.tell([...partitions].map((partition) => ({ kind: 'nudge', partition })));
  }

  private tell(said: readonly Told[]): void {
    const byOwner = new Map<string, Soft[]>();
    for (const item of said) {
      const owner = this.owners.get(item.partition)?.thread;
      if (owner === undefined || owner === null) continue;
      const items = byOwner.get(owner);
      if (items === undefined) byOwner.set(owner, [item]);
      else items.push(item);
    }
    for (const [owner, items] of byOwner) this.send(owner, items);
  }

  private send(owner: string, items: readonly Soft[]): void {
    const topic = topicsOf(this.settings.cluster).threadIn(owner);
    for (let from = 0; from < items.length; from += ITEMS_MAX) {
      const part = items.slice(from, from + ITEMS_MAX);
      const envelope = { sender: 'gateway', session: '', items: part };
      this.mqtt.publish(topic, encodeEnvelope(softCodec, envelope));
    }
  }

  private hear(payload: Buffer): void {
    const decoded = decodeEnvelope(softCodec, payload);
    if (!decoded.ok) return this.log.debug('a message makes no sense and is dropped', decoded);
    const owned = decoded.envelope.items.filter((item) => item.kind === 'owned');
    this.learn(owned.map(({ partition: id, thread, epoch }) => ({ id, thread, epoch })));
  }

  /** Who has told a former owner of something says so to the new one: it was written by then. */
  private learn(news: readonly (Owner & { readonly id: number })[]): void {
    const moved: number[] = [];
    for (const { id, thread, epoch } of news) {
      const known = this.owners.get(id);
      if (known !== undefined && epoch < known.epoch) continue;
      this.owners.set(id, { thread, epoch });
      if (known !== undefined && thread !== null && thread !== known.thread) moved.push(id);
    }
    this.nudge(moved);
  }

  private async poll(): Promise<void> {
    if (this.isPolling) return;
    this.isPolling = true;
    try {
      const partitions = await readPartitions(this.reader);
      this.learn(partitions.map(({ id, owner, epoch }) => ({ id, thread: owner, epoch })));
    } catch (error) {
      this.log.debug('the owners of partitions could not be read', { error });
    } finally {
      this.isPolling = false;
    }
  }
}

/** As the intake function writes the row (libs/postgres, intake.sql.ts). */
function hintOf(run: NewRun, at: number): string {
  const due = dueOf(run, at);
  const { startDeadlineMs } = run;
  return encodeHint({
    id: run.id,
    partition: run.partition,
    project: run.project,
    job: run.job,
    jobVersion: run.jobVersion,
    spec: run.spec,
    kind: run.kind,
    pool: run.pool,
    need: run.need,
    priority: run.priority,
    due,
    expires: startDeadlineMs === null ? null : (due ?? at) + startDeadlineMs,
    submittedAt: at,
    dedup: run.dedup ?? null,
    cache: run.cache ?? null,
    params: run.params ?? 'null',
  });
}

export function dueOf(run: NewRun, at: number): number | null {
  return run.at ?? (run.afterMs === null ? null : at + run.afterMs);
}
