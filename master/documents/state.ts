import type { Document } from '../../protocol/v0-documents.ts';
import { double } from '../../protocol/v0-json.ts';
import { logPlaces } from '../../runtime/log-flags.ts';
import { mesosVersion } from '../../runtime/version.ts';
import { versionDocument } from '../../runtime/version-document.ts';
import { isActive, type MasterState } from '../state.ts';
import { agentDocument, recoveredDocuments } from './agents.ts';
import { frameworksDocument } from './frameworks.ts';

/** `/state`: everything, as exporters, DNS servers and dashboards read it. */
export function stateDocument(state: MasterState, flags: Record<string, string>): Document {
  const { id, pid, port, hostname, capabilities } = state.master;
  const agents = [...state.agents.values()];
  const { frameworks, completed_frameworks } = frameworksDocument(state, undefined);
  return {
    version: mesosVersion,
    ...versionDocument(state.startedAt),
    start_time: double(state.startedAt / 1000),
    elected_time: double(state.electedAt / 1000),
    id,
    pid,
    hostname,
    capabilities: (capabilities ?? []).map((capability) => capability.type),
    activated_slaves: double(agents.filter(isActive).length),
    deactivated_slaves: double(agents.filter((agent) => !isActive(agent)).length),
    unreachable_slaves: double(state.unreachableAgents.size),
    leader: pid,
    leader_info: { id, pid, port, hostname },
    ...logPlaces(flags),
    flags,
    slaves: agents.map((agent) => agentDocument(state, agent)),
    recovered_slaves: recoveredDocuments(state, undefined),
    frameworks,
    completed_frameworks,
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}
