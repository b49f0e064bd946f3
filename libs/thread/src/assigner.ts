import type { Bodies, Effect, Store } from '#core';
import type { Work } from '#protocol';
import type { Reader } from './reader.js';

type Assign = Extract<Effect, { kind: 'assign' }>;

export interface Assignment {
  readonly partition: number;
  readonly epoch: number;
  readonly effect: Assign;
}

/**
 * Puts an assignment together: the token, the specification by its hash, and params, which are read
 * by id when they were too large to stay in memory (architecture §3, Bodies).
 */
export class Assigner {
  private waiting: Assignment[] = [];

  constructor(
    private readonly store: Pick<Store, 'specification'>,
    private readonly reader: Reader,
    private readonly send: (assignment: Assignment, work: Work) => void,
  ) {}

  add(assignment: Assignment): void {
    if (this.tryNow(assignment)) return;
    this.waiting.push(assignment);
  }

  /** At the end of a slice: one read for all that lack something. */
  flush(): void {
    if (this.waiting.length === 0) return;
    const batch = this.waiting;
    this.waiting = [];
    const facts = batch.map(({ effect }) => effect.cell.facts);
    const large = facts.filter((of) => of.params === undefined).map((of) => of.id);
    this.reader.bodies({ specifications: facts, paramsOf: large }, (found) => {
      for (const assignment of batch) this.complete(assignment, found);
    });
  }

  private tryNow(assignment: Assignment): boolean {
    const { facts } = assignment.effect.cell;
    const specification = this.store.specification(facts.project, facts.spec);
    if (specification === undefined || facts.params === undefined) return false;
    this.send(assignment, workOf(assignment, specification.body, facts.params));
    return true;
  }

  private complete(assignment: Assignment, found: Bodies): void {
    const { facts } = assignment.effect.cell;
    const specification = found.specification(facts.project, facts.spec);
    const text = facts.params ?? found.params.get(facts.id);
    // Gone meanwhile: the run has ended, or the grant is restated and tried again.
    if (specification === undefined || text === undefined) return;
    this.send(assignment, workOf(assignment, specification.body, text));
  }
}

function workOf(assignment: Assignment, spec: string, params: string): Work {
  const { facts } = assignment.effect.cell;
  const { projectName, jobName, timeoutMs, graceMs } = facts.policy;
  const { heartbeatMs = null, stopAfterMs = null } = facts.policy;
  return {
    kind: facts.kind,
    spec,
    params: params === 'null' ? null : params,
    project: projectName,
    job: jobName,
    timeoutMs,
    graceMs,
    heartbeatMs,
    stopAfterMs,
  };
}
