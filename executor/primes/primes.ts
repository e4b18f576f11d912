import { setImmediate as othersTurn } from 'node:timers/promises';
import { ExecutorDriver } from '../index.ts';

/** Tells of each task how many primes there are below the number in its data. */
const driver = new ExecutorDriver({
  handlers: {
    launch: async (task, killed) => {
      const limit = Number(Buffer.from(task.data ?? '', 'base64').toString());
      if (!(limit > 0)) throw new Error('The data of a task is the number below which to count');
      await driver.update(task, 'TASK_RUNNING');
      let primes = 0;
      for (let number = 2; number < limit && !killed.aborted; number++) {
        if (isPrime(number)) primes++;
        if (number % 10_000 === 0) await othersTurn();
      }
      if (killed.aborted) return driver.update(task, 'TASK_KILLED');
      return driver.update(task, 'TASK_FINISHED', { data: Buffer.from(String(primes)).toString('base64') });
    },
  },
});

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

await driver.run();
