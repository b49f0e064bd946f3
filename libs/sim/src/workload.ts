import { DEFAULT_RETRY, type CommandAction, type Policy } from '#core';
import type { Random } from './kernel/random.js';
import type { GatewayNode, Submission } from './nodes/gateway.js';
import { Poison } from './poison.js';
import { POISON } from './store/commit.js';

const BASE: Policy = {
  retry: { ...DEFAULT_RETRY, maxAttempts: 3, delayMs: 1_000, maxDelayMs: 20_000 },
  timeoutMs: 60_000,
  graceMs: 2_000,
  lostAfterMs: 10_000,
  retentionMs: 86_400_000,
  jobName: 'job',
  projectName: 'project',
};
export const SPECIFICATIONS: Readonly<Record<string, Policy>> = {
  plain: BASE,
  once: { ...BASE, atMostOnce: true },
  single: { ...BASE, retry: { ...BASE.retry, maxAttempts: 1 } },
  never: { ...BASE, lostAfterMs: null },
  whole: { ...BASE, deadlineMs: 90_000 },
  free: { ...BASE, freeLoss: true, timeoutMs: 5_000 },
};
/** What is asked of a run by its specification; of one that is poisonous that is no secret. */
export const policyOf = (spec: string): Policy => SPECIFICATIONS[spec] ?? BASE;
const JOBS = ['job-a', 'job-b'];

export interface Hazards {
  /** Results may be what PostgreSQL refuses. */
  readonly results: boolean;
  /** Runs may be such that their owner's machine throws. */
  readonly steps: boolean;
}

/** An operator who closes and opens executors now and then. */
export interface Operator {
  readonly random: Random;
  readonly executors: readonly string[];
}

/** What users ask for, drawn from the seed. */
export class Workload {
  private readonly names = Object.keys(SPECIFICATIONS);
  private readonly poison: Poison;
  private readonly poisonous: readonly string[];

  constructor(
    private readonly gateway: GatewayNode,
    private readonly random: Random,
    private readonly hazards: Hazards,
    private readonly operator?: Operator,
  ) {
    for (const [name, policy] of Object.entries(SPECIFICATIONS)) gateway.define(name, policy);
    this.poison = new Poison(random.fork());
    const throwing = this.poison.specifications(BASE);
    for (const [name, policy] of throwing) gateway.define(name, policy);
    this.poisonous = [...throwing.keys()];
  }

  ask(): void {
    const { random, gateway } = this;
    this.close();
    if (gateway.recent.length > 0 && random.chance(0.2)) {
      gateway.command(random.pick(gateway.recent), this.action());
    } else if (random.chance(0.03)) gateway.hold(random.pick(JOBS), random.chance(0.5));
    else gateway.submit(this.submission());
  }

  private close(): void {
    if (this.operator?.random.chance(0.05) !== true) return;
    const { random, executors } = this.operator;
    const as = random.pick([null, 'CORDONED', 'DRAINING'] as const);
    const isBounded = as === 'DRAINING' && random.chance(0.5);
    this.gateway.close(random.pick(executors), as, isBounded ? random.between(0, 30_000) : null);
  }

  /** Everything that only a person ends is ended; what threw is mended. */
  calm(): void {
    this.poison.mend();
    for (const job of JOBS) this.gateway.hold(job, false);
    this.thaw();
  }

  /** What stands still by a person's word goes on: asked until it is so. */
  thaw(): void {
    const { gateway } = this;
    // A pause whose outcome was unknown may have been said again after its resume.
    for (const job of JOBS) if (gateway.isHeld(job)) gateway.hold(job, false);
    for (const executor of gateway.closed()) gateway.close(executor, null, null);
    const stopped = [...gateway.commands.values()].filter(
      ({ action }) => action.kind === 'pause' || action.kind === 'freeze',
    );
    for (const run of new Set(stopped.map((command) => command.run))) {
      if (gateway.isLive(run)) gateway.command(run, { kind: 'resume' });
    }
    for (const run of gateway.parked()) gateway.command(run, { kind: 'resume' });
  }

  private submission(): Submission {
    const { random } = this;
    const ms = random.pick([5, 200, 2_000, 20_000, 90_000]) * random.unit();
    const end = () => random.pick(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED'] as const);
    const isThrown = this.hazards.steps && random.chance(0.05);
    const result = this.hazards.results && random.chance(0.02) ? POISON : 'done';
    return {
      spec: random.pick(isThrown ? this.poisonous : this.names),
      job: random.chance(0.3) ? random.pick(JOBS) : null,
      afterMs: random.chance(0.25) ? random.pick([0, 50, 3_000, 60_000]) * random.unit() : null,
      startDeadlineMs: random.chance(0.1) ? random.between(10, 20_000) : null,
      priority: random.pick([1, 5, 5, 5, 10]),
      script: {
        ms,
        ends: [end(), end(), end()],
        result: JSON.stringify(result),
      },
    };
  }

  private action(): CommandAction {
    const { random } = this;
    switch (random.int(0, 6)) {
      case 0:
      case 1:
        return {
          kind: 'cancel',
          graceMs: random.chance(0.5) ? 500 : null,
          force: random.chance(0.2),
        };
      case 2:
        return { kind: 'pause' };
      case 3:
        return { kind: 'resume' };
      case 4:
        return { kind: 'freeze' };
      case 5:
        return { kind: 'update', change: { priority: random.int(1, 10) } };
      default:
        return { kind: 'mark', as: 'SUCCEEDED', result: null };
    }
  }
}
