/** What authors of frameworks import. */
export { MesitaError } from '../protocol/errors.ts';
export { isTerminal } from '../protocol/task-state.ts';
export { fits, resources, timesFitting } from './demand.ts';
export { SchedulerDriver, type SchedulerOptions } from './driver.ts';
export type { Delivery, SchedulerHandlers } from './handlers.ts';
export { knownMasters, type LeaderFinder } from './leader-finder.ts';
export { MasterClient, type TaskLocation } from './master-client.ts';
