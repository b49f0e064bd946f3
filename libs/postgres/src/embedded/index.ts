export { EmbeddedProblem, type EmbeddedLog } from './problem.js';
export { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from './start.js';
