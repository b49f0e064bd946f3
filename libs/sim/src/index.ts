export { type Plan, planOf } from './plan.js';
export { type Report, type ScenarioOptions, planFor, runScenario } from './scenario.js';
