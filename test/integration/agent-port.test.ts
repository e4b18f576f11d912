import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';

test('an agent that may have any port takes the one that it had, where executors look for it, if that is free', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-port-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const start = async () => {
    const shutdown = new Shutdown(silentLog);
    t.after(() => shutdown.stop());
    const own = ['--port=0', `--work_dir=${directory}`, '--containerizers=process', '--master=127.0.0.1:1'];
    const flags = parseFlags(agentFlags, [...own, '--resources=cpus:1;mem:64;disk:10'], {});
    const { address } = await startAgent({ flags, log: silentLog, shutdown });
    return { port: Number(address.split(':')[1]), stop: () => shutdown.stop() };
  };
  const first = await start();
  await first.stop();
  const second = await start();
  assert.equal(second.port, first.port);
  await second.stop();
  const other = createServer().listen(first.port, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const third = await start();
  assert.notEqual(third.port, first.port);
});
