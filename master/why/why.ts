import type { MasterState } from '../state.ts';
import type { Amounts, Answer } from './answer.ts';
import { answerForFramework } from './framework-answer.ts';
import { answerForRole } from './role-answer.ts';
import type { Subject } from './subject.ts';
import { answerForPendingTask, answerForTask } from './task-answer.ts';

/** Agents that are looked at for one question: it must not hold others up for long. */
export const examinedAgents = 500;

/**
 * Why a task, a framework or a role has not got what it waits for. `asked`: by which amounts a framework's needs are to be
 * judged; undefined: by what is known of them. `now`: milliseconds since the epoch. Changes nothing.
 */
export function why(
  state: MasterState,
  subject: Subject,
  asked: Amounts | undefined,
  now: number,
  atMost: number = examinedAgents,
): Answer {
  switch (subject.kind) {
    case 'task':
      return answerForTask(state, subject.framework, subject.task, asked, atMost, now);
    case 'pending':
      return answerForPendingTask(state, subject.framework, subject.id, asked, atMost, now);
    case 'framework':
      return answerForFramework(state, subject.framework, asked, atMost, now);
    case 'role':
      return answerForRole(state, subject.role, asked, atMost, now);
  }
}
