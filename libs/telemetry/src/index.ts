export { createCounters } from './counters.js';
export type { Counter, Counters } from './counters.js';
export { createLogger } from './logger.js';
export type { Log, LogFields, LogFormat, Logger, LoggerOptions, LogLevel } from './logger.js';
export { createThrottle } from './throttle.js';
export type { Throttled, ThrottleOptions } from './throttle.js';
