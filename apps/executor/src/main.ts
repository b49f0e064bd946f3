import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { filter, firstValueFrom, map, race } from 'rxjs';
import { loadSettings } from '#config';
import { ExecutorProblem } from '#executor';
import { tellParent } from '#process';
import { type Logger, createLogger } from '#telemetry';
import { Daemon, DaemonModule } from './daemon.js';

/**
 * The role `executor`: a daemon round libs/executor. Reports {ready: true} once the cluster has
 * welcomed it, or {ready: false, problem}; ends with 0 on SIGTERM, SIGINT and a lost parent, and
 * with 1 after a defect, for whoever watches it to start it anew.
 */

function asked(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) {
      process.once(signal, () => resolve(0));
    }
  });
}

async function run(): Promise<number> {
  const end = asked();
  const loaded = loadSettings();
  if (!loaded.ok) throw new ExecutorProblem(loaded.problems.join('\n'));
  const { settings } = loaded;
  const log = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    role: 'executor',
  });
  const context = await NestFactory.createApplicationContext(DaemonModule.of(settings, log), {
    logger: false,
    abortOnError: false,
  });
  const { executor } = context.get(Daemon);
  await executor.start();
  const failed$ = executor.state$.pipe(filter(({ phase }) => phase === 'failed'));
  const ending = Promise.race([end, firstValueFrom(failed$.pipe(map(() => 1)))]);
  const welcome$ = executor.state$.pipe(filter(({ welcomed }) => welcomed));
  const welcomed = firstValueFrom(race(welcome$, failed$)).then(({ phase }) => phase !== 'failed');
  const isReady = await Promise.race([welcomed, ending.then(() => false)]);
  if (isReady) {
    const { id, incarnation } = executor;
    log.info('the executor is ready', { id, incarnation, pool: settings.executorPool });
    await tellParent({ ready: true, pid: process.pid });
  }
  const code = await ending;
  await context.close();
  return code;
}

async function fail(error: unknown): Promise<number> {
  const text = error instanceof Error ? error.message : String(error);
  const isKnown = error instanceof ExecutorProblem;
  const problem = isKnown ? text : `The executor did not start: ${text}.`;
  const stack = isKnown || !(error instanceof Error) ? undefined : error.stack;
  const log: Logger = createLogger({ level: 'error', format: 'json', role: 'executor' });
  log.error(problem, stack === undefined ? {} : { stack });
  await tellParent({ ready: false, problem });
  return 1;
}

process.exit(await run().catch(fail));
