import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  type AgentMessage,
  type AgentSubscription,
  agentLinkPath,
  type MasterMessage,
} from '../../protocol/agent-link.ts';
import { type AgentId, asStreamId, type IdSource, type StreamId } from '../../protocol/ids.ts';
import { decodeJson } from '../../protocol/json-codec.ts';
import type { Messages } from '../../protocol/messages.ts';
import { openStream } from '../../runtime/http-server.ts';
import { parseJsonBody } from '../../runtime/json-body.ts';
import type { RecordStream } from '../../runtime/record-stream.ts';
import { refuse } from '../../runtime/refusals.ts';
import { disconnectAgent } from '../commands/disconnect-agent.ts';
import { endExecutor, messageFramework } from '../commands/executors.ts';
import { updateOperation } from '../commands/operations.ts';
import { oversubscribe } from '../commands/oversubscribe.ts';
import { registerAgent } from '../commands/register-agent.ts';
import { removeAgent } from '../commands/remove-agent.ts';
import { updateTask } from '../commands/update-task.ts';
import { count } from '../metrics.ts';
import type { Performer } from '../performer.ts';

interface Link {
  readonly agent: AgentId;
  readonly stream: RecordStream;
}

/** The master's end of the agent link; protocol/agent-link.ts describes it. */
export function agentRoute(server: FastifyInstance, performer: Performer, ids: IdSource): void {
  const streams = new Map<StreamId, Link>();

  server.post(agentLinkPath, (request, reply) => {
    const subscription = parseJsonBody(request.body);
    if (!isSubscription(subscription)) return refuse.badRequest(reply, 'Expecting an agent subscription');
    const registration = registerAgent(performer.state, subscription, performer.clock.now());
    if ('refusal' in registration) return refuse.badRequest(reply, registration.refusal);
    if ('shutdown' in registration) return turnAway(reply, performer, asStreamId(ids.uuid()), registration.shutdown);
    openLink(reply, performer, registration.agent, asStreamId(ids.uuid()), streams);
    performer.perform(registration.effects);
    return reply;
  });

  server.post(`${agentLinkPath}/messages`, (request, reply) => {
    const link = streams.get(asStreamId(String(request.headers['mesos-stream-id'])));
    // One that was given up may not be closed yet, where nothing gets through.
    if (link === undefined || performer.linkOf(link.agent) !== link.stream) {
      return refuse.forbidden(reply, 'The agent is not subscribed');
    }
    const messages = parseJsonBody(request.body);
    if (!isListOf(messages, isMessage)) return refuse.badRequest(reply, 'Expecting an array of messages');
    for (const message of messages) receive(performer, link.agent, message);
    return reply.code(202).send();
  });
}

/** The link ends with its first message. */
function turnAway(reply: FastifyReply, performer: Performer, id: StreamId, message: string): FastifyReply {
  const headers = { 'Mesos-Stream-Id': id, 'Content-Type': 'application/json' };
  const stream = openStream(reply, headers, () => undefined);
  const shutdown: MasterMessage = { type: 'SHUTDOWN', message, ...performer.state.reign };
  performer.pass(() => {
    stream.write(JSON.stringify(shutdown));
    stream.end();
  });
  return reply;
}

function openLink(
  reply: FastifyReply,
  performer: Performer,
  agent: AgentId,
  id: StreamId,
  streams: Map<StreamId, Link>,
): void {
  const headers = { 'Mesos-Stream-Id': id, 'Content-Type': 'application/json' };
  const stream: RecordStream = openStream(reply, headers, () => {
    streams.delete(id);
    // A newer link of the same agent has taken over.
    if (performer.linkOf(agent) !== stream) return;
    performer.unlink(agent);
    performer.perform(disconnectAgent(performer.state, agent, performer.clock.now()));
  });
  streams.set(id, { agent, stream });
  performer.link(agent, stream);
}

function receive(performer: Performer, agent: AgentId, message: AgentMessage): void {
  const { state, clock } = performer;
  const known = state.agents.get(agent);
  if (known !== undefined) known.heardAt = clock.now();
  if (message.type === 'UPDATE') performer.perform(updateTask(state, agent, message, clock.now()));
  if (message.type === 'EXECUTOR_MESSAGE') performer.perform(messageFramework(state, agent, message));
  if (message.type === 'EXECUTOR_EXITED') performer.perform(endExecutor(state, agent, message, clock.now()));
  if (message.type === 'UPDATE_OPERATION') performer.perform(updateOperation(state, agent, message, clock.now()));
  if (message.type === 'OVERSUBSCRIBED') performer.perform(oversubscribe(state, agent, message.resources, clock.now()));
  if (message.type === 'UNREGISTER') {
    count(state, 'master/messages_unregister_slave');
    performer.perform(removeAgent(state, agent, clock.now()));
  }
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isA = (type: keyof Messages) => (value: unknown) => decodeJson(type, value).ok;

function isListOf<T>(value: unknown, is: (element: unknown) => element is T): value is T[];
function isListOf(value: unknown, is: (element: unknown) => boolean): boolean;
function isListOf(value: unknown, is: (element: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isSubscription(value: unknown): value is AgentSubscription {
  if (!isObject(value) || !isObject(value.address)) return false;
  const { hostname, ip, port } = value.address;
  return (
    isA('AgentInfo')(value.agent) &&
    typeof hostname === 'string' &&
    typeof ip === 'string' &&
    typeof port === 'number' &&
    typeof value.version === 'string' &&
    isListOf(value.tasks, isA('Task')) &&
    isListOf(value.executors, isA('ExecutorInfo')) &&
    isListOf(value.operations, isA('Operation')) &&
    isListOf(value.total, isA('Resource')) &&
    isListOf(value.frameworks, isA('FrameworkInfo')) &&
    isAttempt(value.attempt)
  );
}

function isAttempt(value: unknown): boolean {
  if (value === undefined) return true;
  return isObject(value) && typeof value.process === 'string' && typeof value.number === 'number';
}

/** Types of a later version are passed over where messages are received. */
function isMessage(value: unknown): value is AgentMessage {
  if (!isObject(value) || typeof value.type !== 'string') return false;
  const { framework_id, executor_id, operation_uuid, status, latest_state, data } = value;
  const ofExecutor = typeof framework_id === 'string' && typeof executor_id === 'string';
  switch (value.type) {
    case 'UPDATE':
      return typeof framework_id === 'string' && typeof latest_state === 'string' && isA('TaskStatus')(status);
    case 'EXECUTOR_MESSAGE':
      return ofExecutor && typeof data === 'string';
    case 'UPDATE_OPERATION':
      return typeof operation_uuid === 'string' && isA('OperationStatus')(status);
    case 'EXECUTOR_EXITED':
      return ofExecutor && typeof status === 'number';
    case 'OVERSUBSCRIBED':
      return isListOf(value.resources, isA('Resource'));
    default:
      return true;
  }
}
