export type { Endpoint, EndpointProcess } from './home.js';
export { refuseNeighbours } from './neighbours.js';
export { type DevLog, DevProblem } from './problem.js';
export { type DevOptions, runDev } from './run-dev.js';
