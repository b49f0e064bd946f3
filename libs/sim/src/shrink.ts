import type { Fault, Plan } from './plan.js';
import { runScenario } from './scenario.js';

/** Leaves out faults, half of what is left at a time, as long as it still goes wrong. */
export function shrink(plan: Plan, fails = failing): Plan {
  let best = plan;
  for (let size = Math.ceil(best.faults.length / 2); size >= 1; ) {
    const smaller = without(best, size, fails);
    if (smaller !== undefined) best = smaller;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
    size = Math.min(size, Math.max(1, best.faults.length));
    if (best.faults.length === 0) break;
  }
  return best;
}

const failing = (plan: Plan): boolean => runScenario(plan.seed, { plan }).violations.length > 0;

function without(plan: Plan, size: number, fails: (plan: Plan) => boolean): Plan | undefined {
  for (let at = 0; at < plan.faults.length; at += size) {
    const faults: Fault[] = [...plan.faults.slice(0, at), ...plan.faults.slice(at + size)];
    const smaller = { ...plan, faults };
    if (fails(smaller)) return smaller;
  }
  return undefined;
}
