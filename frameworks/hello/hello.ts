import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Offer, TaskInfo } from '../../protocol/messages.ts';
import { isTerminal, resources, SchedulerDriver, timesFitting } from '../../scheduler/index.ts';

export interface HelloOptions {
  /** host:port of each master. */
  masters: readonly string[];
  image: string;
  tasks: number;
  /** The file that outlives this process: the framework's id, and which tasks are done. */
  file: string;
  signal: AbortSignal;
}

/** What the next life has to know. */
interface Diary {
  id?: string;
  done: string[];
}

/** Runs tasks until each has finished once, whatever is killed and restarted meanwhile. */
export async function sayHello({ masters, image, tasks, file, signal }: HelloOptions): Promise<void> {
  const diary: Diary = JSON.parse(await readFile(file, 'utf8').catch(() => '{"done":[]}'));
  const write = async () => {
    await writeFile(`${file}.new`, JSON.stringify(diary));
    await rename(`${file}.new`, file);
  };
  const names = Array.from({ length: tasks }, (_, index) => `hello-${index + 1}`);
  const open = names.filter((name) => !diary.done.includes(name));
  // An earlier life may have launched any of them: reconciliation tells.
  const launched = new Set(diary.id === undefined ? [] : open);
  const waiting = new Set(diary.id === undefined ? open : []);
  const demand = resources({ cpus: 0.1, mem: 32 });

  const task = (name: string, { agent_id }: Offer): TaskInfo => ({
    name,
    task_id: { value: name },
    agent_id,
    resources: demand,
    container: { type: 'DOCKER', docker: { image, network: 'NONE' } },
    command: { value: `echo this is ${name}` },
  });

  const scheduler = new SchedulerDriver({
    master: masters,
    framework: {
      user: 'root',
      name: 'hello',
      // Seconds that tasks go on without their scheduler.
      failover_timeout: 3600,
      ...(diary.id !== undefined && { id: { value: diary.id } }),
    },
    keepId: (id) => {
      diary.id = id;
      return write();
    },
    reconcile: () => [...launched].map((value) => ({ task_id: { value } })),
    handlers: {
      offers: async (offers) => {
        for (const offer of offers) {
          const chosen = [...waiting].slice(0, timesFitting(offer, demand, waiting.size));
          for (const name of chosen) {
            waiting.delete(name);
            launched.add(name);
          }
          const launch = chosen.map((name) => task(name, offer));
          await (launch.length > 0 ? scheduler.launch([offer], launch) : scheduler.decline([offer]));
        }
        if (waiting.size === 0) await scheduler.suppress();
      },
      update: async (status) => {
        const name = status.task_id.value;
        if (!isTerminal(status.state) || !launched.delete(name)) return;
        if (status.state === 'TASK_FINISHED') {
          diary.done.push(name);
          // Only then is the update acknowledged: a crash before it brings the update again.
          await write();
        } else {
          waiting.add(name);
          await scheduler.revive();
        }
        if (diary.done.length < tasks) return;
        await scheduler.acknowledge(status);
        await scheduler.teardown();
      },
    },
  });
  await scheduler.run(signal);
}
