/** What authors of frameworks import. */
export { fits, resources, timesFitting } from './demand.ts';
export { SchedulerDriver, type SchedulerHandlers, type SchedulerOptions } from './driver.ts';
export { MasterClient, type TaskLocation } from './master-client.ts';
