import type { Plan } from './plan.js';
import { runScenario } from './scenario.js';

const failing = (plan: Plan): boolean => runScenario(plan.seed, { plan }).violations.length > 0;

/**
 * Leaves out faults, half of what is left at a time and then ever fewer, as long as it still goes
 * wrong and there is time.
 */
export function shrink(plan: Plan, hasTime: () => boolean, fails = failing): Plan {
  let best = plan;
  for (let size = Math.ceil(best.faults.length / 2); size >= 1 && hasTime(); ) {
    const smaller = without(best, size, hasTime, fails);
    if (smaller === undefined && size === 1) break;
    best = smaller ?? best;
    size = Math.max(1, Math.min(best.faults.length, smaller === undefined ? size >> 1 : size));
  }
  return best;
}

function without(
  plan: Plan,
  size: number,
  hasTime: () => boolean,
  fails: (plan: Plan) => boolean,
): Plan | undefined {
  for (let at = 0; at < plan.faults.length && hasTime(); at += size) {
    const faults = [...plan.faults.slice(0, at), ...plan.faults.slice(at + size)];
    const smaller = { ...plan, faults };
    if (fails(smaller)) return smaller;
  }
  return undefined;
}
