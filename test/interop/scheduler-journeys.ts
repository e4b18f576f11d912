import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tasksOf } from '../../cli/cluster-state.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { MasterRoom } from '../support/master-room.ts';
import { testImage } from '../support/test-image.ts';
import type { ForeignCommand, Told } from './foreign-process.ts';
import { ForeignScheduler, type LaunchedTask } from './foreign-scheduler.ts';
import type { Toolchain } from './toolchains.ts';

export interface SchedulerOptions {
  /** host:port */
  master: string;
  name: string;
  /** Where it may leave files. */
  directory: string;
  /** The id of a framework to go on with. */
  framework?: string;
  /** `*` if left out. */
  role?: string;
}

/** A client library, and what it can do. */
export interface SchedulerLibrary {
  title: string;
  toolchain: Toolchain;
  command: (directory: string, options: SchedulerOptions) => ForeignCommand;
  /** Calls that it has and makes well, of those that not every library has. */
  calls: readonly ('suppress' | 'request' | 'reserve')[];
  /** How many of three tasks that fit one offer its ACCEPT launches: all, but for a bug of the library. */
  together: number;
  /** What the master tells it of a task that nobody knows. */
  unknown: 'TASK_GONE' | 'TASK_LOST';
  /** Whether it comes back when its master was away for seconds. */
  reconnects: boolean;
  /** Whether it sends the calls that follow to the leader too, once it was sent on there. */
  followsLeader: boolean;
}

interface Sent extends Told {
  call: string;
}

interface Complaint extends Told {
  message: string;
}

/** Milliseconds for all of it: nothing may hang. */
const timeout = 240_000;

/** What any scheduler does, on the library, against a master and an agent as they are run by people. */
export function testScheduler(library: SchedulerLibrary): void {
  const { title, toolchain, command } = library;
  const skip = 'missing' in toolchain ? `it cannot be had here. ${toolchain.missing}` : false;
  describe(title, { timeout, skip }, () => {
    let cluster: Cluster;
    let scheduler: ForeignScheduler;
    /** Has nothing to run; only listens. */
    let idle: ForeignScheduler;
    const all: ForeignScheduler[] = [];

    async function start(name: string, more: Partial<SchedulerOptions> = {}): Promise<ForeignScheduler> {
      assert.ok('directory' in toolchain);
      const options = { master: cluster.address, name, directory: cluster.directory, ...more };
      const started = await ForeignScheduler.start(command(toolchain.directory, options));
      all.push(started);
      return started;
    }

    before(async () => {
      cluster = await Cluster.start([['--resources=cpus:4;mem:2048;disk:10000;ports:[31000-31099]']]);
      idle = await start('idle');
      idle.command({ do: 'decline', refuse: 3600 });
      await idle.tells('offers');
      scheduler = await start('journeys');
    });
    after(async () => {
      await Promise.all(all.map((started) => started.kill()));
      await cluster?.close();
    });

    async function running(name: string): Promise<LaunchedTask> {
      const [task] = await scheduler.launch({ name, command: `trap 'exit 0' TERM; echo up; sleep 1000 & wait` });
      assert.ok(task);
      await scheduler.status(task.task, 'TASK_RUNNING');
      return task;
    }

    async function kill(task: LaunchedTask): Promise<void> {
      scheduler.command({ do: 'kill', task: task.task, agent: task.agent });
      await scheduler.status(task.task, 'TASK_KILLED');
    }

    it('runs tasks, whose output is in their sandboxes', async () => {
      const drafts = [1, 2, 3].map((number) => ({
        name: `writer-${number}`,
        command: `echo "out ${number}"; echo "err ${number}" >&2; echo "file ${number}" > made; pwd`,
      }));
      const tasks = await scheduler.launch(...drafts);
      for (const [index, { task }] of tasks.entries()) {
        const status = await scheduler.status(task, 'TASK_FINISHED');
        assert.ok(status.container_status?.container_id?.value, 'a status names its container');
        assert.deepEqual(scheduler.statesOf(task), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
        const sandbox = await cluster.sandboxOf(task);
        const read = (file: string) => readFile(join(sandbox, file), 'utf8');
        assert.equal(await read('stdout'), `out ${index + 1}\n/mnt/mesos/sandbox\n`);
        assert.equal(await read('stderr'), `err ${index + 1}\n`);
        assert.equal(await read('made'), `file ${index + 1}\n`);
      }
      assert.equal(Math.max(...scheduler.launches), library.together, 'tasks that one ACCEPT launched');
    });

    it('runs a Docker container with ports', async () => {
      const draft = { name: 'container', command: 'cat /etc/passwd', image: testImage, ports: 2 };
      const [task] = await scheduler.launch(draft);
      assert.ok(task);
      await scheduler.status(task.task, 'TASK_FINISHED');
      const known = tasksOf(await cluster.state(), true).find(({ id }) => id === task.task);
      assert.equal(known?.container?.docker?.image, testImage);
      const [, low, high] = /^\[(\d+)-(\d+)\]$/.exec(String(known.resources.ports)) ?? [];
      assert.equal(Number(high) - Number(low), 1, `ports ${known.resources.ports}`);
      assert.match(await readFile(join(await cluster.sandboxOf(task.task), 'stdout'), 'utf8'), /^nobody:/m);
    });

    it('learns that a task failed', async () => {
      const [task] = await scheduler.launch({ name: 'failing', command: 'exit 3' });
      assert.ok(task);
      const { message = '' } = await scheduler.status(task.task, 'TASK_FAILED');
      assert.match(message, /3/);
    });

    it('kills a task', async () => {
      const task = await running('victim');
      const container = await cluster.containerOf(task.task);
      await kill(task);
      const left = await docker('ps', '--quiet', '--filter', `name=^${container}$`);
      assert.equal(left, '', 'the container runs on');
    });

    it('reconciles the tasks that it names, and all of them', async () => {
      const task = await running('steady');
      const unknown = { name: 'unknown', task: 'never-launched', agent: task.agent };
      const answers = await scheduler.reconcile(
        [task, unknown],
        [
          [task.task, 'TASK_RUNNING'],
          [unknown.task, library.unknown],
        ],
      );
      const [implicit] = await scheduler.reconcile([], [[task.task, 'TASK_RUNNING']]);
      for (const answer of [...answers, implicit]) {
        assert.equal(answer?.reason, 'REASON_RECONCILIATION');
        assert.equal(answer?.uuid, undefined, 'an answer needs no acknowledgement');
      }
      await kill(task);
    });

    /** Resolves when it holds no offer, with the number that it had until then. */
    async function withoutOffers(): Promise<number> {
      await eventually('no offer is out', async () => {
        const { slaves } = await cluster.state();
        return slaves.every(({ offered_resources }) => offered_resources.cpus === 0);
      });
      return scheduler.offers;
    }

    /**
     * Others come and go, resources become free; it is offered nothing of them. An agent that it declined for a short time
     * just before comes once more, and is declined for long then.
     */
    async function isLeftAlone(): Promise<void> {
      for (let agents = cluster.agents.length; ; agents--) {
        const before = await withoutOffers();
        await cluster.provesHealthy();
        if (scheduler.offers === before) return;
        assert.ok(agents > 0, 'it was offered something');
      }
    }

    async function isOfferedAgain(): Promise<void> {
      const before = scheduler.offers;
      scheduler.command({ do: 'revive' });
      await eventually('it is offered something', () => scheduler.offers > before);
    }

    it('declines for long, and revives', async () => {
      const before = scheduler.offers;
      scheduler.command({ do: 'decline', refuse: 3600 });
      await eventually('it is offered something to decline', () => scheduler.offers > before);
      await isLeftAlone();
      await isOfferedAgain();
    });

    it('suppresses offers, and revives', {
      skip: !library.calls.includes('suppress') && 'it has no SUPPRESS',
    }, async () => {
      scheduler.command({ do: 'suppress' });
      await scheduler.tells<Sent>('sent', ({ call }) => call === 'suppress');
      await isLeftAlone();
      await isOfferedAgain();
    });

    it('makes calls that have no effect without executors', async () => {
      const [agent] = cluster.agents;
      assert.ok(agent);
      scheduler.command({ do: 'message', agent: agent.id, executor: 'nobody', data: 'hello' });
      await scheduler.tells<Sent>('sent', ({ call }) => call === 'message');
      if (!library.calls.includes('request')) return;
      scheduler.command({ do: 'request' });
      await scheduler.tells<Sent>('sent', ({ call }) => call === 'request');
    });

    const reserves = library.calls.includes('reserve') ? false : 'it does not know RESERVE';
    it('reserves for its role, and gives it back', { skip: reserves }, async () => {
      const keeper = await start('keeper', { role: 'keepers' });
      const reserved = async () => {
        const { slaves } = (await (await cluster.get('/slaves')).json()) as {
          slaves: { reserved_resources: Record<string, { cpus: number }> }[];
        };
        return slaves[0]?.reserved_resources.keepers?.cpus;
      };
      keeper.command({ do: 'reserve', on: true });
      await eventually('it is reserved', async () => (await reserved()) === 0.5);
      keeper.command({ do: 'reserve', on: false });
      await eventually('it is reserved no more', async () => (await reserved()) === undefined);
      assert.deepEqual(keeper.errors, []);
      keeper.command({ do: 'teardown' });
      await eventually('the framework is over', async () => {
        const { completed_frameworks } = await cluster.state();
        return completed_frameworks.some(({ id }) => id === keeper.framework);
      });
      await keeper.kill();
    });

    it('had nothing to complain of', () => {
      assert.deepEqual(scheduler.errors, []);
      assert.equal(scheduler.over, false, scheduler.log);
    });

    it('fails over with its id, and keeps its task', async () => {
      const task = await running('heirloom');
      const container = await cluster.containerOf(task.task);
      const { framework } = scheduler;
      await scheduler.kill();
      scheduler = await start('journeys', { framework });
      assert.equal(scheduler.framework, framework);
      await scheduler.reconcile([], [[task.task, 'TASK_RUNNING']]);
      await scheduler.reconcile([task], [[task.task, 'TASK_RUNNING']]);
      assert.equal(await cluster.containerOf(task.task), container);
      await kill(task);
    });

    it('fails over from a scheduler that still lives, which is told', async () => {
      const task = await running('contested');
      const former = scheduler;
      scheduler = await start('journeys', { framework: former.framework });
      await former.tells<Complaint>('error', ({ message }) => /failed over/i.test(message));
      await former.ended();
      await kill(task);
      const [next] = await scheduler.launch({ name: 'after-all', command: 'true' });
      assert.ok(next);
      await scheduler.status(next.task, 'TASK_FINISHED');
    });

    it('is sent on to the leader by a master that does not lead', async () => {
      const [hostname = '', port] = cluster.address.split(':');
      const follower = await MasterRoom.open([], undefined, () => ({ hostname, port: Number(port) }));
      try {
        const guest = await start('guest', { master: follower.master.address });
        const { frameworks } = await cluster.state();
        assert.ok(frameworks.some(({ id }) => id === guest.framework));
        if (library.followsLeader) {
          const [task] = await guest.launch({ name: 'by-detour', command: 'true' });
          assert.ok(task);
          await guest.status(task.task, 'TASK_FINISHED');
        }
        await guest.kill();
      } finally {
        await follower.close();
      }
    });

    it('hears the heart of the master beat, and does not take it for dead', async () => {
      await eventually('two heartbeats', () => idle.all('heartbeat').length >= 2);
      assert.equal(idle.all('subscribed').length, 1);
      assert.deepEqual(idle.errors, []);
    });

    const stays = library.reconnects ? false : 'it gives up when its master is away';
    it('comes back to a master that was restarted, and finds its task', { skip: stays }, async () => {
      const task = await running('survivor');
      const subscriptions = scheduler.all('subscribed').length;
      await cluster.master.end('SIGKILL');
      await cluster.startMaster();
      await eventually('it is back', () => scheduler.all('subscribed').length > subscriptions);
      await eventually('the agent is back', async () => (await cluster.state()).slaves.length === 1);
      await scheduler.reconcile([task], [[task.task, 'TASK_RUNNING']]);
      await kill(task);
    });

    it('tears its framework down, with its tasks', async () => {
      const task = await running('orphan');
      const container = await cluster.containerOf(task.task);
      scheduler.command({ do: 'teardown' });
      await eventually('the framework is over', async () => {
        const { completed_frameworks } = await cluster.state();
        return completed_frameworks.some(({ id }) => id === scheduler.framework);
      });
      await eventually('its container is gone', async () => {
        return (await docker('ps', '--quiet', '--filter', `name=^${container}$`)) === '';
      });
    });
  });
}
