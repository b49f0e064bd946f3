import type { Millis } from '#core';
import type { Broker, BrokerLink } from './broker/broker.js';
import type { World } from './kernel/world.js';
import type { ExecutorNode } from './nodes/executor.js';
import type { SchedulerNode } from './nodes/scheduler.js';
import type { Fault } from './plan.js';
import type { DatabaseServer } from './store/server.js';

export interface Targets {
  readonly world: World;
  readonly server: DatabaseServer;
  readonly broker: Broker;
  readonly schedulers: readonly SchedulerNode[];
  readonly executors: readonly ExecutorNode[];
}

const RESTART_MS = 300;

/** Makes one fault, and heals it when its time is over. */
export function make(fault: Fault, on: Targets): void {
  const { world, broker } = on;
  world.trace('FAULT', () => `${fault.kind} for ${Math.round(fault.lasts)} ms`);
  const heal = (run: () => void): void => {
    world.after(fault.lasts, () => {
      world.trace('HEAL', () => fault.kind);
      run();
    });
  };
  const scheduler = on.schedulers[fault.pick % on.schedulers.length] as SchedulerNode;
  const executor = on.executors[fault.pick % on.executors.length] as ExecutorNode;
  switch (fault.kind) {
    case 'kill-scheduler':
      scheduler.kill();
      return heal(() => scheduler.start());
    case 'stop-scheduler':
      stop(broker, scheduler);
      return heal(() => scheduler.process.cont());
    case 'leave-scheduler':
      scheduler.leave(() => heal(() => scheduler.start()));
      return;
    case 'kill-executor':
      return killExecutors(fault, on.executors, heal);
    case 'stop-executor':
      stop(broker, executor);
      return heal(() => executor.process.cont());
    case 'lose-disk':
      executor.loseDisk();
      return heal(() => executor.start());
    case 'roll-executors':
      return roll(world, on.executors, fault.lasts / on.executors.length, fault.pick);
    case 'cut-scheduler-broker':
      return cut(scheduler.brokerLink, fault, heal);
    case 'cut-executor-broker':
      return cut(executor.brokerLink, fault, heal);
    case 'cut-scheduler-database':
      return cutDatabase(scheduler, fault, heal);
    case 'crash-broker':
      broker.crash();
      return heal(() => broker.start());
    default:
      return makeShared(fault, on, heal);
  }
}

/** A rolling restart: one after the other has its share of the time to drain and to start. */
function roll(
  world: World,
  executors: readonly ExecutorNode[],
  shareMs: Millis,
  first: number,
  done = 0,
): void {
  const executor = executors[(first + done) % executors.length] as ExecutorNode;
  executor.drain(Math.max(0, shareMs - RESTART_MS), () =>
    world.after(RESTART_MS, () => {
      executor.start();
      if (done + 1 < executors.length) roll(world, executors, shareMs, first, done + 1);
    }),
  );
}

/** What hits everybody. */
function makeShared(fault: Fault, on: Targets, heal: (run: () => void) => void): void {
  const { server, broker } = on;
  const { how } = fault;
  switch (fault.kind) {
    case 'crash-database':
      server.set('down');
      return heal(() => server.set('up'));
    case 'stick-database':
      server.set('stuck');
      return heal(() => server.set('up'));
    case 'slow-database':
      server.slowness = 1 + how * 500;
      return heal(() => {
        server.slowness = 1;
      });
    case 'lose-connections':
      server.loss = how * 0.3;
      return heal(() => {
        server.loss = 0;
      });
    case 'bad-wire':
      Object.assign(broker.faults, { loss: how * 0.3, double: how * 0.3, late: how * 0.2 });
      return heal(() => Object.assign(broker.faults, { loss: 0, double: 0, late: 0 }));
    case 'step-clock':
      server.setClock((how - 0.5) * 20_000);
      return;
    default:
      throw new Error(`no fault is called ${fault.kind}`);
  }
}

/** A process that stands still answers no ping: the broker misses it. */
function stop(broker: Broker, { process, brokerLink }: SchedulerNode | ExecutorNode): void {
  process.stop();
  if (brokerLink !== undefined) broker.miss(brokerLink, () => process.stopped);
}

function cut(link: BrokerLink | undefined, fault: Fault, heal: (run: () => void) => void): void {
  if (link === undefined) return;
  link.cutOff((['to', 'from', 'both'] as const)[Math.floor(fault.how * 3)] ?? 'both');
  heal(() => link.heal());
}

/** One of them; or most, as when they share a socket. */
function killExecutors(
  { pick }: Fault,
  executors: readonly ExecutorNode[],
  heal: (run: () => void) => void,
): void {
  const count = pick % 3 === 0 ? Math.ceil((executors.length + 1) / 2) : 1;
  for (let i = 0; i < Math.min(count, executors.length); i++) {
    const executor = executors[(pick + i) % executors.length] as ExecutorNode;
    executor.kill();
    heal(() => executor.start());
  }
}

function cutDatabase(node: SchedulerNode, fault: Fault, heal: (run: () => void) => void): void {
  const links = [...node.databaseLinks];
  for (const link of links) link.cut = fault.how < 0.5 ? 'to' : 'from';
  heal(() => {
    for (const link of links) link.cut = 'none';
  });
}
