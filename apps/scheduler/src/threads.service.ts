import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  type ActorRef,
  type ActorSystem,
  type Entry,
  type Incident,
  createSystem,
  createThreadPool,
  systemRuntime,
  workerUrl,
} from '#actor';
import type { Settings } from '#config';
import type { Installation } from '#postgres';
import type { Logger } from '#telemetry';
import type { ThreadArgs, ThreadMail } from './thread/thread.entry.js';

export const SETTINGS = Symbol('settings');
export const LOGGER = Symbol('logger');
export const INSTALLATION = Symbol('installation');

/** Longer than a thread itself takes for it. */
const LEAVE_WITHIN_MS = 4_000;
const STOP_WITHIN_MS = 900;
/** As `--max-semi-space-size` for a thread: three semi-spaces of 32 MB. */
const YOUNG_MB = 96;

/** The scheduler threads as supervised actors: one worker thread each, shared nothing. */
@Injectable()
export class ThreadsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private system: ActorSystem | undefined;
  private readonly threads: ActorRef<ThreadMail>[] = [];

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  onApplicationBootstrap(): void {
    const { schedulerThreads, schedulerName } = this.settings;
    const system = createSystem(systemRuntime(schedulerName));
    this.system = system;
    system.incidents$.subscribe((incident) => this.incident(incident));
    const pool = createThreadPool(schedulerThreads, {
      name: 'scheduler',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    const entry: Entry<ThreadMail, ThreadArgs> = {
      module: workerUrl(import.meta.url, './thread/thread.entry'),
      export: 'schedulerThread',
    };
    for (let i = 0; i < schedulerThreads; i++) {
      const thread = `${schedulerName}.${i}`;
      const ref = system.spawnOn(pool, entry, this.args(thread), { name: thread, thread: i });
      this.threads.push(ref);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const { system } = this;
    if (system === undefined) return;
    const left = this.threads.map((thread) =>
      system.ask<ThreadMail, 'left'>(
        thread,
        (replyTo) => ({ kind: 'leave', replyTo }),
        LEAVE_WITHIN_MS,
      ),
    );
    await Promise.all(left);
    await system.shutdown(STOP_WITHIN_MS);
  }

  private args(thread: string): ThreadArgs {
    const { settings, installation } = this;
    return {
      thread,
      scheduler: settings.schedulerName,
      databaseUrl: settings.databaseUrl ?? '',
      mqttUrl: settings.mqttUrl ?? '',
      cluster: settings.cluster,
      partitions: installation.partitions,
      life: installation.life,
      silentAfterMs: settings.silentAfterMs,
      massLossAfterMs: settings.massLossAfterMs,
      logLevel: settings.logLevel,
      logFormat: settings.logFormat,
    };
  }

  private incident(incident: Incident): void {
    const { address, error, outcome } = incident;
    this.log.error('a scheduler thread failed', { path: address.path, outcome, error });
    // Beyond its supervision: the process ends, and whoever watches it starts it anew.
    if (outcome === 'escalate' || outcome === 'thread-lost') process.exit(1);
  }
}
