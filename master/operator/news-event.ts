import type { MasterEvent, MasterResponseGetFrameworksFramework } from '../../protocol/messages.ts';
import type { News } from '../news.ts';
import type { Framework, MasterState } from '../state.ts';
import { agentDocument, frameworkDocument } from './documents.ts';

/** News as an event of the operator API's stream. Source: Mesos' event stream, with its quirks. */
export function newsEvent(state: MasterState, news: News): MasterEvent {
  switch (news.type) {
    case 'TASK_ADDED':
      return { type: news.type, task_added: { task: news.task } };
    case 'TASK_UPDATED': {
      const { framework, status, state: latest } = news;
      return { type: news.type, task_updated: { framework_id: { value: framework.id }, status, state: latest } };
    }
    case 'FRAMEWORK_ADDED':
      return { type: news.type, framework_added: { framework: frameworkInEvent(state, news.framework) } };
    case 'FRAMEWORK_UPDATED':
      return { type: news.type, framework_updated: { framework: frameworkInEvent(state, news.framework) } };
    case 'FRAMEWORK_REMOVED':
      return { type: news.type, framework_removed: { framework_info: news.info } };
    case 'AGENT_ADDED':
      return { type: news.type, agent_added: { agent: agentDocument(state, news.agent) } };
    case 'AGENT_REMOVED':
      return { type: news.type, agent_removed: { agent_id: { value: news.agent.id } } };
  }
}

/** Unlike GET_FRAMEWORKS, events tell the time of removal also of frameworks that are there: 0. */
function frameworkInEvent(state: MasterState, framework: Framework): MasterResponseGetFrameworksFramework {
  return { unregistered_time: { nanoseconds: 0 }, ...frameworkDocument(state, framework) };
}
