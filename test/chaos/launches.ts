import { resolve } from 'node:path';
import type { ExecutorInfo, OfferOperation, TaskInfo } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { ledgerScript } from './ledger.ts';
import { executorDemand, type TaskPlan, taskDemand, type Unit } from './workload.ts';

/** What the plan's messages depend on. */
export interface LaunchRoom {
  framework: string;
  agent: string;
  /** Where tasks write, on the hosts. */
  ledger: string;
  image: string;
}

const checkout = resolve(import.meta.dirname, '../..');
const ledgerInContainer = '/ledger';

/** The operation that launches a unit. */
export function launchOf(unit: Unit, room: LaunchRoom): OfferOperation {
  const tasks = unit.tasks.map((plan) => taskInfo(unit, plan, room));
  if (unit.kind !== 'pod') return { type: 'LAUNCH', launch: { task_infos: tasks } };
  return { type: 'LAUNCH_GROUP', launch_group: { executor: executorInfo(unit, room), task_group: { tasks } } };
}

function taskInfo(unit: Unit, plan: TaskPlan, room: LaunchRoom): TaskInfo {
  const script = scriptOf(unit, plan, room);
  const task: TaskInfo = {
    name: plan.id,
    task_id: { value: plan.id },
    agent_id: { value: room.agent },
    resources: resources(taskDemand),
    ...healthCheck(plan),
  };
  if (unit.kind === 'driver' || unit.kind === 'mesita-executor') {
    return { ...task, executor: executorInfo(unit, room), data: Buffer.from(script).toString('base64') };
  }
  const command = { value: script };
  if (unit.containerizer === 'process') return { ...task, command };
  const volumes = [{ container_path: ledgerInContainer, host_path: room.ledger, mode: 'RW' as const }];
  const container =
    unit.kind === 'docker'
      ? { type: 'DOCKER' as const, volumes, docker: { image: room.image, network: 'HOST' as const } }
      : { type: 'MESOS' as const, volumes };
  return { ...task, command, container };
}

function scriptOf(unit: Unit, plan: TaskPlan, room: LaunchRoom): string {
  return ledgerScript(plan, unit.containerizer === 'docker' ? ledgerInContainer : room.ledger);
}

function healthCheck({ end, checked }: TaskPlan): Pick<TaskInfo, 'health_check'> {
  if (end.kind !== 'unhealthy' && !checked) return {};
  const command = { value: end.kind === 'unhealthy' ? 'exit 1' : 'exit 0' };
  // An attempt has long, since the machine may be busy; failures of the healthy are not to happen.
  const pace = { delay_seconds: 0, interval_seconds: 1, grace_period_seconds: 0, timeout_seconds: 30 };
  return { health_check: { type: 'COMMAND', command, consecutive_failures: 3, ...pace } };
}

function executorInfo(unit: Unit, { framework }: LaunchRoom): ExecutorInfo {
  const executor: ExecutorInfo = {
    executor_id: { value: unit.id },
    framework_id: { value: framework },
    resources: resources(executorDemand),
  };
  if (unit.kind === 'pod') return { ...executor, type: 'DEFAULT' };
  const program =
    unit.kind === 'driver'
      ? `test/chaos/ledger-executor.ts ${unit.id}`
      : `executor/main.ts --idle_timeout=${idleSeconds}secs`;
  const value = `exec ${process.execPath} ${checkout}/${program}`;
  return { ...executor, type: 'CUSTOM', command: { value } };
}

/** Longer than an agent may be away: its tasks may arrive that late. */
export const idleSeconds = 30;
