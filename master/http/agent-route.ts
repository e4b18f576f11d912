import type { FastifyInstance, FastifyReply } from 'fastify';
import { type AgentMessage, type AgentSubscription, agentLinkPath } from '../../protocol/agent-link.ts';
import { type AgentId, asStreamId, type IdSource, type StreamId } from '../../protocol/ids.ts';
import { RecordStream } from '../../runtime/record-stream.ts';
import { disconnectAgent } from '../commands/disconnect-agent.ts';
import { registerAgent } from '../commands/register-agent.ts';
import { removeAgent } from '../commands/remove-agent.ts';
import { updateTask } from '../commands/update-task.ts';
import type { Performer } from '../performer.ts';
import { refuse } from './refusals.ts';

/** The master's end of the agent link; protocol/agent-link.ts describes it. */
export function agentRoute(server: FastifyInstance, performer: Performer, ids: IdSource): void {
  const streams = new Map<StreamId, AgentId>();

  server.post(agentLinkPath, (request, reply) => {
    const subscription = parse<AgentSubscription>(request.body);
    if (subscription?.agent?.hostname === undefined || !Array.isArray(subscription.tasks)) {
      return refuse.badRequest(reply, 'Expecting an agent subscription');
    }
    const registration = registerAgent(performer.state, subscription, performer.clock.now());
    if ('refusal' in registration) return refuse.badRequest(reply, registration.refusal);
    openLink(reply, performer, registration.agent, asStreamId(ids.uuid()), streams);
    performer.perform(registration.effects);
    return reply;
  });

  server.post(`${agentLinkPath}/messages`, (request, reply) => {
    const agent = streams.get(asStreamId(String(request.headers['mesos-stream-id'])));
    if (agent === undefined) return refuse.forbidden(reply, 'The agent is not subscribed');
    const messages = parse<AgentMessage[]>(request.body);
    if (!Array.isArray(messages)) return refuse.badRequest(reply, 'Expecting an array of messages');
    for (const message of messages) receive(performer, agent, message);
    return reply.code(202).send();
  });
}

function openLink(
  reply: FastifyReply,
  performer: Performer,
  agent: AgentId,
  id: StreamId,
  streams: Map<StreamId, AgentId>,
): void {
  reply.hijack();
  const headers = { 'Mesos-Stream-Id': id, 'Content-Type': 'application/json' };
  const stream: RecordStream = new RecordStream(reply.raw, headers, () => {
    streams.delete(id);
    // A newer link of the same agent has taken over.
    if (performer.linkOf(agent) !== stream) return;
    performer.unlink(agent);
    performer.perform(disconnectAgent(performer.state, agent, performer.clock.now()));
  });
  for (const [other, owner] of streams) if (owner === agent) streams.delete(other);
  streams.set(id, agent);
  performer.link(agent, stream);
}

function receive(performer: Performer, agent: AgentId, message: AgentMessage): void {
  const { state, clock } = performer;
  const known = state.agents.get(agent);
  if (known !== undefined) known.heardAt = clock.now();
  if (message.type === 'UPDATE') performer.perform(updateTask(state, agent, message, clock.now()));
  if (message.type === 'UNREGISTER') performer.perform(removeAgent(state, agent, clock.now()));
}

function parse<T>(body: unknown): T | undefined {
  try {
    return JSON.parse(String(body)) as T;
  } catch {
    return undefined;
  }
}
