export {
  type Executor,
  type ExecutorState,
  type StopOptions,
  createExecutor,
} from './executor.js';
export type { Handler, HandlerContext } from './functions/handler.js';
export type { HandlerSource, Handlers } from './functions/runner.js';
export type { ExecutorOptions, HttpJobOptions } from './options.js';
export type { HttpSpec } from './runners/http/spec.js';
export type { FunctionSpec, ShellSpec } from './runners/spec.js';
export { ExecutorProblem } from './store/directory.lock.js';
