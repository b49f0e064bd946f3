import { LIMITS, type Millis } from '#core';
import { Broker } from './broker/broker.js';
import { type Check, type Evidence, CHECKS } from './checks/index.js';
import { Together } from './checks/together.js';
import { Watcher } from './checks/watcher.js';
import { type Targets, make } from './faults.js';
import { Random } from './kernel/random.js';
import { World } from './kernel/world.js';
import { ExecutorNode } from './nodes/executor.js';
import { GatewayNode } from './nodes/gateway.js';
import { SchedulerNode, type SimCluster } from './nodes/scheduler.js';
import { type Plan, planOf } from './plan.js';
import { DatabaseServer } from './store/server.js';
import { Workload } from './workload.js';

export interface Report {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly virtualMs: Millis;
  readonly events: number;
  readonly faults: number;
  readonly runs: number;
  readonly parked: number;
  readonly digest: string;
}
export interface ScenarioOptions {
  readonly plan?: Plan;
  readonly trace?: (line: string) => void;
  /** What is wrong on purpose, to see that the checks find it. */
  readonly checks?: readonly Check[];
}

const CALM_STEP_MS = 30_000;
const CALM_MAX_MS = 40 * 60_000;
const PATIENCE = { silentAfterMs: 15_000, massLossAfterMs: 60_000 };

/** The plan of a seed, for who wants to look at it or to leave some of it out. */
export const planFor = (seed: number): Plan => planOf(seed, new Random(seed));

/** Chaos, then calm, then checks. */
export function runScenario(seed: number, options: ScenarioOptions = {}): Report {
  const plan = options.plan ?? planFor(seed);
  return new Scenario(plan, options).run();
}

export class Scenario implements Targets {
  readonly world: World;
  readonly server: DatabaseServer;
  readonly broker: Broker;
  private readonly watcher: Watcher;
  private readonly gateway: GatewayNode;
  private readonly workload: Workload;
  readonly schedulers: SchedulerNode[] = [];
  readonly executors: ExecutorNode[] = [];
  private faults = 0;

  constructor(
    private readonly plan: Plan,
    private readonly options: ScenarioOptions,
  ) {
    const world = new World(plan.seed, options.trace);
    this.world = world;
    this.server = new DatabaseServer(world, plan.partitions);
    this.broker = new Broker(world, plan.retains);
    const together = new Together(PATIENCE.silentAfterMs, plan.executors);
    this.watcher = new Watcher(world, this.server, this.broker, PATIENCE, together);
    this.gateway = new GatewayNode(world, this.server, this.broker);
    const { random } = world;
    const hazards = { results: random.chance(0.3), steps: random.chance(0.3) };
    const executors = Array.from({ length: plan.executors }, (_, i) => `x${i}`);
    // Of its own chance: the other seeds are what they were.
    const operator = plan.seed % 7 === 4 ? { random: new Random(plan.seed), executors } : undefined;
    this.workload = new Workload(this.gateway, random.fork(), hazards, operator);
    const cluster: SimCluster = {
      world,
      server: this.server,
      broker: this.broker,
      partitions: plan.partitions,
      life: 'life',
      ...PATIENCE,
      slice: plan.slice,
      limits: { ...LIMITS, ...plan.limits },
      committed: (node, committing) => this.watcher.committed(node, committing),
      parked: (run, why) => this.watcher.parked(run, why),
      heard: (node, executor, word) => together.heard(node, executor, word, world.now),
    };
    const rate = (): number => random.between(0.9995, 1.0005);
    for (let i = 0; i < plan.schedulers; i++) {
      this.schedulers.push(new SchedulerNode(cluster, `s${i}`, rate()));
    }
    for (let i = 0; i < plan.executors; i++) {
      const { slots } = plan;
      const node = new ExecutorNode(world, this.broker, `x${i}`, slots, rate(), this.watcher);
      this.executors.push(node);
    }
  }

  run(): Report {
    const { world, plan } = this;
    this.gateway.start();
    for (const node of [...this.schedulers, ...this.executors]) {
      world.after(world.random.between(0, 2_000), () => node.start());
    }
    for (const fault of plan.faults) {
      world.after(fault.at, () => {
        this.faults++;
        make(fault, this);
      });
    }
    this.askAgain();
    if (world.runUntil(plan.chaosMs)) this.calmAndCheck();
    return {
      seed: plan.seed,
      violations: world.violations,
      virtualMs: world.now,
      events: world.events,
      faults: this.faults,
      runs: this.gateway.acknowledged.size,
      parked: this.watcher.parkedRuns.size,
      digest: world.digest,
    };
  }

  private askAgain(): void {
    const { world, plan } = this;
    world.after(world.random.exponential(plan.everyMs), () => {
      if (world.now >= plan.chaosMs) return;
      this.workload.ask();
      this.askAgain();
    });
  }

  private calmAndCheck(): void {
    const { world } = this;
    world.trace('CALM', () => 'everything is healed');
    this.heal();
    this.workload.calm();
    const until = world.now + CALM_MAX_MS;
    while (world.now < until) {
      if (!world.runUntil(world.now + CALM_STEP_MS)) return;
      this.workload.thaw();
      if (this.isOver()) break;
    }
    if (!world.runUntil(world.now + CALM_STEP_MS)) return;
    const evidence: Evidence = {
      world,
      server: this.server,
      gateway: this.gateway,
      schedulers: this.schedulers,
      executors: this.executors,
      watcher: this.watcher,
    };
    for (const check of this.options.checks ?? CHECKS) check(evidence);
  }

  private heal(): void {
    const { server, broker } = this;
    server.set('up');
    server.slowness = 1;
    server.loss = 0;
    broker.start();
    Object.assign(broker.faults, { loss: 0, double: 0, late: 0 });
    for (const node of [...this.schedulers, ...this.executors]) {
      node.process.cont();
      node.brokerLink?.heal();
      node.start();
    }
    for (const { databaseLinks } of this.schedulers) {
      for (const link of databaseLinks) link.cut = 'none';
    }
  }

  private isOver(): boolean {
    return this.server.tables.partitions.every((table) => table.live.size + table.inbox.size === 0);
  }
}
