import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import type { ExecutorEnvironment } from '../../executor/index.ts';
import { decodeMessage, encodeMessage, type MediaType } from '../../protocol/codec.ts';
import type { ExecutorCall, ExecutorEvent, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import { encodeRecord } from '../../protocol/record-io.ts';
import { until } from './virtual-clock.ts';

/**
 * What goes wrong with a call: it never arrives, only its answer is lost, the agent is busy, the subscription breaks
 * before the acknowledgement, or the agent objects.
 */
export type Fault = 'lost' | 'unanswered' | 'busy' | 'cut' | { status: number; text: string };

export interface ExecutorRequest {
  call: ExecutorCall;
  headers: IncomingMessage['headers'];
}

/** The executor's side of an agent, over HTTP: remembers updates by their uuid, acknowledges each, and breaks down as the test says. */
export class ScriptedAgent {
  /** All that arrived, in order. */
  readonly requests: ExecutorRequest[] = [];
  /** Updates by uuid, in the order in which the agent took them over. */
  readonly updates = new Map<string, TaskStatus>();
  readonly launched = new Map<string, TaskInfo>();
  /** Launched, and neither known to the executor nor heard of: what Mesos would take for lost after a restart. */
  readonly forgotten: string[] = [];
  fault: (call: ExecutorCall) => Fault | undefined = () => undefined;
  /** Played after each SUBSCRIBED. */
  greeting: ExecutorEvent[] = [];
  capabilities: 'TASK_KILLING_STATE'[] = [];
  #server: Server;
  #stream: { response: ServerResponse; mediaType: MediaType } | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(t: TestContext): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent(createServer());
    agent.#server.on('request', (incoming, response) => agent.#serve(incoming, response));
    agent.#server.listen(0, '127.0.0.1');
    await once(agent.#server, 'listening');
    t.after(async () => {
      agent.#server.closeAllConnections();
      agent.#server.close();
      await once(agent.#server, 'close');
    });
    return agent;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  get subscribed(): boolean {
    return this.#stream !== undefined;
  }

  calls(type: ExecutorCall['type']): ExecutorCall[] {
    return this.requests.map(({ call }) => call).filter((call) => call.type === type);
  }

  statuses(taskId: string): TaskStatus[] {
    return [...this.updates.values()].filter(({ task_id }) => task_id.value === taskId);
  }

  environment(changes: Partial<ExecutorEnvironment> = {}): ExecutorEnvironment {
    return {
      frameworkId: 'F',
      executorId: 'E',
      agentId: 'A',
      agentEndpoint: this.address,
      sandbox: '/nowhere',
      shutdownGrace: 5,
      recovery: { timeout: 900, backoffMax: 2 },
      token: undefined,
      ...changes,
    };
  }

  /** The same as an agent puts it into the environment of a process. */
  variables(sandbox: string): Record<string, string> {
    return {
      MESOS_FRAMEWORK_ID: 'F',
      MESOS_EXECUTOR_ID: 'E',
      MESOS_SLAVE_ID: 'A',
      MESOS_SLAVE_PID: `slave(1)@${this.address}`,
      MESOS_AGENT_ENDPOINT: this.address,
      MESOS_DIRECTORY: sandbox,
      MESOS_SANDBOX: sandbox,
      MESOS_CHECKPOINT: '0',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
      MESOS_HTTP_COMMAND_EXECUTOR: '0',
      LIBPROCESS_PORT: '0',
    };
  }

  send(event: ExecutorEvent): void {
    if (this.#stream === undefined) throw new Error(`There is no executor to send ${event.type} to`);
    const { response, mediaType } = this.#stream;
    response.write(encodeRecord(encodeMessage(mediaType, 'ExecutorEvent', event)));
  }

  launch(...tasks: TaskInfo[]): void {
    for (const task of tasks) {
      this.launched.set(task.task_id.value, task);
      this.send({ type: 'LAUNCH', launch: { task } });
    }
  }

  /** The subscription breaks. */
  cut(): void {
    this.#stream?.response.destroy();
    this.#stream = undefined;
  }

  /** Waits for an update of the task in this state. */
  async hears(taskId: string, state: TaskStatus['state']): Promise<TaskStatus> {
    const find = () => this.statuses(taskId).find((status) => status.state === state);
    await until(`${taskId} is ${state}`, () => find() !== undefined);
    return find() as TaskStatus;
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const mediaType = incoming.headers['content-type'] as MediaType;
      const decoded = decodeMessage(mediaType, 'ExecutorCall', Buffer.concat(chunks));
      if (!decoded.ok) throw new Error(decoded.error);
      this.requests.push({ call: decoded.value, headers: incoming.headers });
      this.#answer(decoded.value, response, mediaType);
    });
  }

  #answer(call: ExecutorCall, response: ServerResponse, mediaType: MediaType): void {
    const fault = this.fault(call);
    if (fault === 'lost') {
      response.destroy();
    } else if (fault === 'busy') {
      response.writeHead(503).end('Agent has not finished recovery');
    } else if (typeof fault === 'object') {
      response.writeHead(fault.status).end(fault.text);
    } else if (call.type === 'SUBSCRIBE') {
      this.#subscribe(call, response, mediaType, fault);
    } else if (call.type === 'UPDATE' && this.#stream === undefined) {
      response.writeHead(403).end('Executor is not subscribed');
    } else {
      if (call.update !== undefined) this.#take(call.update.status, fault);
      if (fault === undefined) response.writeHead(202).end();
      else response.destroy();
    }
  }

  #subscribe(call: ExecutorCall, response: ServerResponse, mediaType: MediaType, fault: Fault | undefined): void {
    this.cut();
    const { unacknowledged_tasks = [], unacknowledged_updates = [] } = call.subscribe ?? {};
    if (fault !== 'cut') this.#stream = { response, mediaType };
    response.writeHead(200, { 'Content-Type': mediaType });
    response.flushHeaders();
    const known = new Set(unacknowledged_tasks.map(({ task_id }) => task_id.value));
    for (const { status } of unacknowledged_updates) this.#take(status, undefined);
    for (const id of this.launched.keys()) {
      if (!known.has(id) && this.statuses(id).length === 0) this.forgotten.push(id);
    }
    if (fault === 'cut' || fault === 'unanswered') {
      this.#stream = undefined;
      response.destroy();
      return;
    }
    this.send({
      type: 'SUBSCRIBED',
      subscribed: {
        executor_info: { executor_id: { value: 'E' } },
        framework_info: {
          user: 'root',
          name: 'scripted',
          capabilities: this.capabilities.map((type) => ({ type })),
        },
        agent_info: { hostname: 'localhost', id: { value: 'A' } },
      },
    });
    for (const event of this.greeting) this.send(event);
  }

  #take(status: TaskStatus, fault: Fault | undefined): void {
    const { uuid = '', task_id } = status;
    if (!this.updates.has(uuid)) this.updates.set(uuid, status);
    if (fault === 'cut') this.cut();
    if (this.#stream !== undefined) this.send({ type: 'ACKNOWLEDGED', acknowledged: { task_id, uuid } });
  }
}
