import type { FrameworkInfo, FrameworkInfoCapabilityType, TaskState } from './messages.ts';

/**
 * The life of a task, the one table that master, agent and executor share. Source: Mesos' task states.
 *
 *     (accepted) → STAGING → STARTING → RUNNING ⇄ KILLING → FINISHED | FAILED | KILLED
 *                     │          │          │        │
 *                     └──────────┴──────────┴────────┴──→ LOST | DROPPED | ERROR | GONE | GONE_BY_OPERATOR
 *     any that is not terminal ⇄ UNREACHABLE (its agent is cut off, and back)
 *
 * INVARIANT: nothing follows a terminal state.
 */
const nextStates: Record<TaskState, readonly TaskState[]> = (() => {
  const terminal: TaskState[] = [
    'TASK_FINISHED',
    'TASK_FAILED',
    'TASK_KILLED',
    'TASK_ERROR',
    'TASK_LOST',
    'TASK_DROPPED',
    'TASK_GONE',
    'TASK_GONE_BY_OPERATOR',
  ];
  return {
    TASK_STAGING: ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', ...terminal],
    TASK_STARTING: ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', ...terminal],
    TASK_RUNNING: ['TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', ...terminal],
    TASK_KILLING: ['TASK_KILLING', 'TASK_RUNNING', 'TASK_UNREACHABLE', ...terminal],
    TASK_UNREACHABLE: ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', ...terminal],
    TASK_UNKNOWN: ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', ...terminal],
    TASK_FINISHED: [],
    TASK_FAILED: [],
    TASK_KILLED: [],
    TASK_ERROR: [],
    TASK_LOST: [],
    TASK_DROPPED: [],
    TASK_GONE: [],
    TASK_GONE_BY_OPERATOR: [],
  };
})();

export const taskStates = Object.keys(nextStates) as readonly TaskState[];

export function canMove(from: TaskState, to: TaskState): boolean {
  return nextStates[from].includes(to);
}

export function isTerminal(state: TaskState): boolean {
  return nextStates[state].length === 0;
}

export function hasCapability(framework: FrameworkInfo, capability: FrameworkInfoCapabilityType): boolean {
  return (framework.capabilities ?? []).some((given) => given.type === capability);
}

/** `state` for frameworks that are PARTITION_AWARE, TASK_LOST for all others. */
export function partitionState(framework: FrameworkInfo, state: TaskState): TaskState {
  return hasCapability(framework, 'PARTITION_AWARE') ? state : 'TASK_LOST';
}
