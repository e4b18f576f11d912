import type { MasterMessage } from '../protocol/agent-link.ts';
import { describeError } from '../protocol/errors.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { createHttpServer } from '../runtime/http-server.ts';
import { openLeaderSource } from '../runtime/leader-source.ts';
import type { Log } from '../runtime/log.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { mesitaVersion } from '../runtime/version.ts';
import { operationMessages } from './commands/operations.ts';
import type { ContainerSettings } from './container-plan.ts';
import type { AgentFlags } from './flags.ts';
import type { MutableIdentity } from './identity.ts';
import { MasterLink } from './master-link.ts';
import type { Performer } from './performer.ts';
import type { AgentMemory } from './recovery/agent-memory.ts';
import type { WriteGate } from './recovery/write-gate.ts';
import type { SandboxGc } from './sandbox-gc.ts';
import { SandboxPaths } from './sandbox-paths.ts';
import { taskMessage } from './task-message.ts';

// How long a stopping agent waits for its tasks' ends to be acknowledged.
const partingMs = 3_000;

export interface Joining {
  flags: AgentFlags;
  log: Log;
  shutdown: Shutdown;
  clock: Clock;
  performer: Performer;
  identity: MutableIdentity;
  memory: AgentMemory;
  gate: WriteGate;
  /** Whether the tasks stay when the agent stops. */
  leavesTasks: () => boolean;
  workDirectory: string;
  settings: ContainerSettings;
  server: ReturnType<typeof createHttpServer>;
  sandboxes: SandboxGc;
}

/** Begins the link to the master, and gives it up at the shutdown. Resolves with the agent's id when the master knows it. */
export function joinMaster(joining: Joining): Promise<string> {
  const { flags, log, shutdown, clock, performer, identity, gate } = joining;
  const { promise, resolve: registered } = Promise.withResolvers<string>();
  const link: MasterLink = new MasterLink({
    leaders: openLeaderSource(flags.master, {
      sessionTimeout: flags.zk_session_timeout * 1000,
      clock,
      random: Math.random,
      log,
    }),
    clock,
    random: Math.random,
    log,
    backoff: flags.registration_backoff_factor * 1000,
    // The master is told of nothing that is not written down.
    ready: () => gate.idle(),
    subscription: () => ({
      agent: identity.info,
      address: identity.address,
      version: mesitaVersion,
      tasks: [...performer.state.tasks.values()]
        .filter((task) => !task.orphaned)
        .map((task) => taskMessage(task, task.queue[0]?.status)),
      executors: [...performer.state.executors.values()].flatMap(({ info, orphaned }) => (orphaned ? [] : info)),
      operations: operationMessages(performer.state, identity.id ?? ''),
      total: [...performer.state.total, ...(performer.state.oversubscribed ?? [])],
      frameworks: [
        ...new Map(
          [...performer.state.tasks.values(), ...performer.state.executors.values()].map(({ framework }) => [
            framework.id?.value,
            framework,
          ]),
        ).values(),
      ],
    }),
    onMessage: (message) => {
      if (message.type === 'REGISTERED') {
        if (isPast(joining, link, message)) return;
        becomeAgent(joining, message.agent_id, link);
        receive(joining, link, { type: 'DRAIN', ...(message.drain && { drain: message.drain }) });
        registered(message.agent_id);
      } else if (message.type === 'SHUTDOWN' ? !isPast(joining, link, message) : identity.registered) {
        receive(joining, link, message);
      }
    },
    onOpen: (master) => {
      identity.master = master;
    },
    onBroken: () => {
      identity.registered = false;
    },
  });
  shutdown.register('tasks and link', async () => {
    if (joining.leavesTasks()) return leaveTasks(joining, link);
    await performer.shutdownTasks();
    const { signal } = new AbortController();
    for (let waited = 0; performer.state.tasks.size > 0 && waited < partingMs; waited += 50)
      await sleep(clock, 50, signal);
    link.send({ type: 'UNREGISTER' });
    await link.stop();
  });
  link.run().catch((error: unknown) => log.error({ error: describeError(error) }, 'the link to the master failed'));
  return promise;
}

/** What was decided is written down and said; what runs goes on without the agent. */
async function leaveTasks({ performer, log, clock }: Joining, link: MasterLink): Promise<void> {
  const patience = new AbortController();
  await Promise.race([performer.leave(), sleep(clock, partingMs, patience.signal)]);
  patience.abort();
  await link.stop();
  const { tasks, executors } = performer.state;
  const running = [...tasks.values()].filter(({ state }) => !isTerminal(state)).length;
  const fields = { tasks: running, executors: executors.size };
  if (running + executors.size === 0) log.info('no tasks are left running');
  else
    log.info(
      fields,
      'tasks are left running: start the agent again to go on with them; SIGUSR1 in place of SIGTERM ends them',
    );
}

/** Whether another master has taken over from this one, which does not know it yet. What a master says counts when its reign is written down. */
function isPast(
  { memory, gate, log }: Joining,
  link: MasterLink,
  { cluster, epoch }: MasterMessage & { type: 'REGISTERED' | 'SHUTDOWN' },
): boolean {
  if (cluster === undefined || epoch === undefined) return false;
  const highest = memory.epochOf(cluster);
  if (epoch < highest) {
    const reason = `this master leads no more: its epoch is ${epoch}, and this agent was registered under ${highest}`;
    log.warn({ cluster, epoch, highest }, reason);
    link.breakOff(reason);
    return true;
  }
  gate.pass(memory.keepEpoch(cluster, epoch), () => undefined);
  return false;
}

function becomeAgent(
  { identity, performer, workDirectory, settings, log, sandboxes, memory, gate }: Joining,
  id: string,
  link: MasterLink,
): void {
  gate.pass(memory.keep({ id }), () => undefined);
  identity.id = id;
  identity.registered = true;
  identity.info.id = { value: id };
  settings.agentId = id;
  const paths = new SandboxPaths(workDirectory, id);
  performer.registered(id, paths, (message) => link.send(message));
  sandboxes
    .recover(paths)
    .catch((error: unknown) => log.warn({ error: describeError(error) }, 'old sandboxes cannot be listed'));
  log.info({ id, master: identity.master }, 'registered with the master');
}

/** Streams the answer of the agent's own server, since what is asked for may be a large file. */
async function answerRelayed(server: Joining['server'], link: MasterLink, id: string, url: string): Promise<void> {
  const answer = await server.inject({ method: 'GET', url, payloadAsStream: true });
  const contentType = String(answer.headers['content-type'] ?? 'application/octet-stream');
  try {
    await link.answer(id, { status: answer.statusCode, contentType, body: answer.stream() });
  } finally {
    // Nobody may have taken the rest.
    answer.raw.res.destroy();
  }
}

function receive(
  { performer, log, shutdown, server, memory, gate }: Joining,
  link: MasterLink,
  message: MasterMessage,
): void {
  if (message.type === 'HTTP_REQUEST') {
    const { request_id, url } = message;
    answerRelayed(server, link, request_id, url).catch((error: unknown) =>
      log.warn({ url, error: describeError(error) }, 'a request by way of the master failed'),
    );
  } else if (message.type === 'SHUTDOWN') {
    log.error({ message: message.message }, 'the master tells this agent to stop');
    // It would be taken for a new agent while its tasks end.
    link.hangUp();
    shutdown.stop().catch(() => undefined);
  } else {
    performer.receive(message);
    if (message.type === 'DRAIN') gate.pass(memory.keep({ drain: performer.state.drain }), () => undefined);
  }
}
