import { spawn } from 'node:child_process';
import { ExecutorDriver } from '../../executor/index.ts';
import { idleSeconds } from './launches.ts';

/** An executor on the driver: the data of a task is a shell script, whose exit status is the task's end. Ends when it is idle. */
let idle = awaitWork();

const driver = new ExecutorDriver({
  handlers: {
    launch: async (task, killed) => {
      clearTimeout(idle);
      await driver.update(task, 'TASK_RUNNING');
      const script = Buffer.from(task.data ?? '', 'base64').toString();
      const shell = spawn('/bin/sh', ['-c', script], { stdio: 'inherit' });
      const terminate = () => shell.kill('SIGTERM');
      killed.addEventListener('abort', terminate);
      if (killed.aborted) terminate();
      const code = await new Promise<number | null>((over) => shell.once('close', over));
      const message = `Command exited with status ${code}`;
      const state = killed.aborted ? 'TASK_KILLED' : code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
      await driver.update(task, state, { message });
      clearTimeout(idle);
      if (driver.tasks.length === 0) idle = awaitWork();
    },
  },
});

function awaitWork(): NodeJS.Timeout {
  return setTimeout(() => driver.stop(), idleSeconds * 1000);
}

await driver.run();
clearTimeout(idle);
