import type { MasterMessage } from '../protocol/agent-link.ts';
import { describeError } from '../protocol/errors.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { createHttpServer } from '../runtime/http-server.ts';
import type { Log } from '../runtime/log.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { mesitaVersion } from '../runtime/version.ts';
import type { AgentIdFile } from './agent-id.ts';
import { operationMessages } from './commands/operations.ts';
import type { ContainerSettings } from './container-plan.ts';
import type { AgentFlags } from './flags.ts';
import type { MutableIdentity } from './identity.ts';
import { MasterLink } from './master-link.ts';
import type { Performer } from './performer.ts';
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
  idFile: AgentIdFile;
  workDirectory: string;
  settings: ContainerSettings;
  server: ReturnType<typeof createHttpServer>;
  sandboxes: SandboxGc;
}

/** Begins the link to the master, and gives it up at the shutdown. Resolves with the agent's id when the master knows it. */
export function joinMaster(joining: Joining): Promise<string> {
  const { flags, log, shutdown, clock, performer, identity, idFile } = joining;
  const { promise, resolve: registered } = Promise.withResolvers<string>();
  const link: MasterLink = new MasterLink({
    master: flags.master,
    clock,
    random: Math.random,
    log,
    backoff: flags.registration_backoff_factor * 1000,
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
        becomeAgent(joining, message.agent_id, link);
        idFile
          .write(message.agent_id)
          .catch((error: unknown) => log.error({ error: describeError(error) }, 'the agent id cannot be kept'));
        receive(joining, link, { type: 'DRAIN', ...(message.drain && { drain: message.drain }) });
        registered(message.agent_id);
      } else {
        receive(joining, link, message);
      }
    },
    onBroken: () => {
      identity.registered = false;
    },
  });
  shutdown.register('tasks and link', async () => {
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

function becomeAgent(
  { identity, performer, workDirectory, settings, log, sandboxes }: Joining,
  id: string,
  link: MasterLink,
): void {
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

function receive({ performer, log, shutdown, server }: Joining, link: MasterLink, message: MasterMessage): void {
  if (message.type === 'HTTP_REQUEST') {
    const { request_id, url } = message;
    server
      .inject({ method: 'GET', url })
      .then((answer) =>
        link.answer(request_id, {
          status: answer.statusCode,
          contentType: String(answer.headers['content-type'] ?? 'application/octet-stream'),
          body: answer.rawPayload,
        }),
      )
      .catch((error: unknown) =>
        log.warn({ url, error: describeError(error) }, 'a request by way of the master failed'),
      );
  } else if (message.type === 'SHUTDOWN') {
    log.error({ message: message.message }, 'the master tells this agent to stop');
    // It would be taken for a new agent while its tasks end.
    link.hangUp();
    shutdown.stop().catch(() => undefined);
  } else {
    performer.receive(message);
  }
}
