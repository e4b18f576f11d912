import { taskLabel } from '../../protocol/demand-labels.ts';
import { asFrameworkId } from '../../protocol/ids.ts';
import type { Task } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { labelOf } from './wish.ts';

export type SubjectKind = 'task' | 'framework' | 'role';

export type Subject =
  | { kind: 'task'; framework: Framework; task: Task }
  | { kind: 'pending'; framework: Framework; id: string }
  | { kind: 'framework'; framework: Framework }
  | { kind: 'role'; role: string };

export type Finding = { subject: Subject } | { unknown: string } | { ambiguous: string };

interface Candidate {
  subject: Subject;
  id: string;
  names: readonly string[];
  /** Among several of one name those that are over do not count. */
  over: boolean;
}

/** What is meant: the one of that id or else of that name or else whose id begins or ends so. `kinds`: what it may be. */
export function findSubject(state: MasterState, given: string, kinds: readonly SubjectKind[]): Finding {
  const candidates = kinds.flatMap((kind) => all[kind](state));
  const tests: ((candidate: Candidate) => boolean)[] = [
    ({ id }) => id === given,
    ({ names }) => names.includes(given),
    ({ id }) => id.startsWith(given) || id.endsWith(`-${given}`),
  ];
  const what = kinds.length === 1 ? kinds[0] : 'task, framework or role';
  for (const test of given === '' ? [] : tests) {
    const matches = candidates.filter(test);
    const alive = matches.filter(({ over }) => !over);
    // Of those that are over the last one is the one that is remembered.
    const chosen = alive.length > 0 ? alive : matches.slice(-1);
    const [only, ...others] = chosen;
    if (only === undefined) continue;
    if (others.length === 0) return { subject: only.subject };
    const listed = chosen.slice(0, 10).map(({ id, subject }) => `${id} (${kindOf(subject)})`);
    const more = chosen.length > listed.length ? ', …' : '';
    return { ambiguous: `'${given}' stands for ${chosen.length}: ${listed.join(', ')}${more}` };
  }
  return { unknown: `There is no ${what} '${given}'${kinds.includes('task') ? absentees(state) : ''}` };
}

/** What agents run that a new master has not heard of yet, it does not know. */
function absentees({ recovery }: MasterState): string {
  const { size } = recovery.agents;
  if (size === 0) return '';
  const [agents, they] = size === 1 ? ['1 agent', 'it runs'] : [`${size} agents`, 'they run'];
  return `; this master has not heard yet of ${agents} that the one before it had, and does not know what ${they}`;
}

function kindOf({ kind }: Subject): string {
  return kind === 'pending' ? 'task' : kind;
}

const all: Record<SubjectKind, (state: MasterState) => Candidate[]> = {
  task: (state) => frameworksOf(state).flatMap((framework) => [...tasksOf(framework), ...pendingOf(framework)]),
  framework: (state) =>
    frameworksOf(state).map((framework) => ({
      subject: { kind: 'framework', framework },
      id: framework.id,
      names: [framework.info.name],
      over: !state.frameworks.has(asFrameworkId(framework.id)),
    })),
  role: (state) => {
    const roles = new Set([
      ...[...state.frameworks.values()].flatMap(({ info }) => rolesOf(info)),
      ...state.quotas.keys(),
      ...state.weights.keys(),
    ]);
    for (const role of [...roles]) {
      const parts = role.split('/');
      for (let depth = 1; depth < parts.length; depth++) roles.add(parts.slice(0, depth).join('/'));
    }
    return [...roles].map((role) => ({ subject: { kind: 'role', role }, id: role, names: [], over: false }));
  },
};

function frameworksOf({ completedFrameworks, frameworks }: MasterState): Framework[] {
  return [...completedFrameworks.values(), ...frameworks.values()];
}

function tasksOf(framework: Framework): Candidate[] {
  const { completedTasks, unreachableTasks, tasks } = framework;
  return [...completedTasks, ...unreachableTasks.values(), ...tasks.values()].map((task) => ({
    subject: { kind: 'task', framework, task },
    id: task.task_id.value,
    names: [task.name],
    over: isTerminal(task.state),
  }));
}

/** The task that a framework says it waits to place. */
function pendingOf(framework: Framework): Candidate[] {
  const id = labelOf(framework.info, taskLabel);
  const isKnown = tasksOf(framework).some((task) => task.id === id);
  if (id === undefined || isKnown || framework.unregisteredAt !== undefined) return [];
  return [{ subject: { kind: 'pending', framework, id }, id, names: [], over: false }];
}
