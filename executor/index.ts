/** What authors of executors import. */
export { MesitaError } from '../protocol/errors.ts';
export { isTerminal } from '../protocol/task-state.ts';
export { ExecutorDriver, type ExecutorOptions, type UpdateDetails } from './driver.ts';
export { type ExecutorEnvironment, readEnvironment } from './environment.ts';
export type { ExecutorHandlers } from './handlers.ts';
