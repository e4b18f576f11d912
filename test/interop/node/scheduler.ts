import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// A scheduler on npm's `mesos-framework`, driven by lines of JSON (see ../foreign-process.ts). The library's own handlers
// match offers, accept, decline and acknowledge; this program only puts tasks in its queue and tells what it is told.
// Arguments: the directory of the library, and a JSON object of options.

interface Draft {
  name: string;
  command: string;
  cpus: number;
  mem: number;
  ports: number;
  image?: string;
}

type Command =
  | { do: 'launch'; tasks: Draft[] }
  | { do: 'kill'; task: string; agent: string }
  | { do: 'reconcile'; tasks: { task: string; agent: string }[] }
  | { do: 'message'; agent: string; executor: string; data: string }
  | { do: 'decline'; refuse: number }
  | { do: 'revive' }
  | { do: 'teardown' };

interface Options {
  host: string;
  port: number;
  name: string;
  directory: string;
  framework?: string;
}

interface QueuedTask {
  name: string;
  taskId?: string;
  runtimeInfo?: { agentId: string };
}

type Handler = (this: MesosFramework, event: { offers: { id: object }[] }) => void;

interface MesosFramework {
  frameworkId: string | null;
  pendingTasks: object[];
  launchedTasks: QueuedTask[];
  on(event: string, listener: (told: unknown) => void): void;
  subscribe(): void;
  kill(task: string, agent: string): void;
  reconcile(task?: string, agent?: string): void;
  message(agent: string, executor: string, data: string): void;
  decline(offers: object[], filters: object | null): void;
  revive(): void;
  teardown(): void;
}

interface DockerInfo {
  new (...fields: unknown[]): object;
  Network: { HOST: number };
}

interface Library {
  Scheduler: new (options: object) => MesosFramework;
  Mesos: {
    getMesos(): {
      CommandInfo: new (...fields: unknown[]) => object;
      Environment: new (variables: object[]) => object;
      Filters: new (refuseSeconds: number) => object;
      ContainerInfo: { new (...fields: unknown[]): object; Type: { DOCKER: number }; DockerInfo: DockerInfo };
    };
  };
}

const [, , directory = '', json = '{}'] = process.argv;
const options = JSON.parse(json) as Options;
const require = createRequire(join(directory, 'node_modules', 'any'));
const library = require('mesos-framework') as Library;
const defaults = require('mesos-framework/lib/schedulerHandlers') as { OFFERS: Handler };
const mesos = library.Mesos.getMesos();

function tell(event: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

let refuse: number | undefined;

const scheduler = new library.Scheduler({
  masterUrl: options.host,
  port: options.port,
  frameworkName: options.name,
  frameworkFailoverTimeout: 600,
  // Seconds; longer than two heartbeats, as its documentation asks.
  masterConnectionTimeout: 30,
  restartStates: [],
  logging: { path: options.directory, fileName: 'mesos-framework.log', level: 'error' },
  handlers: {
    OFFERS(this: MesosFramework, event: { offers: { id: object }[] }) {
      tell('offers', event);
      if (refuse !== undefined && this.pendingTasks.length === 0) {
        for (const { id } of event.offers) this.decline([id], new mesos.Filters(refuse));
        return;
      }
      const before = new Set(this.launchedTasks);
      defaults.OFFERS.call(this, event);
      const tasks = this.launchedTasks
        .filter((task) => !before.has(task))
        .map(({ name, taskId, runtimeInfo }) => ({ name, task: taskId, agent: runtimeInfo?.agentId }));
      if (tasks.length > 0) tell('accepted', { tasks });
    },
  },
});
if (options.framework !== undefined) scheduler.frameworkId = options.framework;

scheduler.on('ready', () => scheduler.subscribe());
scheduler.on('subscribed', (told) => tell('subscribed', { framework: (told as { frameworkId: string }).frameworkId }));
scheduler.on('update', (told) => tell('update', told as object));
scheduler.on('rescind', (told) => tell('rescind', told as object));
scheduler.on('failure', (told) => tell('failure', told as object));
scheduler.on('message', (told) => tell('message', told as object));
scheduler.on('heartbeat', () => tell('heartbeat'));
scheduler.on('error', (told) => {
  const message = typeof told === 'string' ? told : ((told as Error).message ?? '');
  tell('error', { message });
  // Another one has taken over, or the framework is over: the library itself would subscribe again.
  if (message.startsWith('Error received from Mesos master')) process.exit(1);
});
for (const call of ['accept', 'decline', 'kill', 'reconcile', 'message', 'revive', 'acknowledge', 'teardown']) {
  scheduler.on(`sent_${call}`, () => tell('sent', { call }));
}

function containerOf(image: string): object {
  const { ContainerInfo } = mesos;
  const { DockerInfo } = ContainerInfo;
  const docker = new DockerInfo(image, DockerInfo.Network.HOST, null, false, null, false, null);
  return new ContainerInfo(ContainerInfo.Type.DOCKER, null, null, docker);
}

function perform(command: Command): void {
  switch (command.do) {
    case 'launch':
      for (const { name, command: value, cpus, mem, ports, image } of command.tasks) {
        scheduler.pendingTasks.push({
          name,
          isSubmitted: false,
          resources: { cpus, mem, ports, disk: 0 },
          commandInfo: new mesos.CommandInfo(null, new mesos.Environment([]), true, value, null, null),
          ...(image !== undefined && { containerInfo: containerOf(image) }),
        });
      }
      scheduler.revive();
      break;
    case 'kill':
      scheduler.kill(command.task, command.agent);
      break;
    case 'reconcile':
      if (command.tasks.length === 0) scheduler.reconcile();
      for (const { task, agent } of command.tasks) scheduler.reconcile(task, agent);
      break;
    case 'message':
      scheduler.message(command.agent, command.executor, command.data);
      break;
    case 'decline':
      refuse = command.refuse;
      break;
    case 'revive':
      refuse = undefined;
      scheduler.revive();
      break;
    case 'teardown':
      scheduler.teardown();
      break;
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => perform(JSON.parse(line) as Command))
  .on('close', () => process.exit(0));
