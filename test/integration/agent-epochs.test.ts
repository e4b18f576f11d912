import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedMaster } from '../support/scripted-master.ts';

test('an agent hangs up on a master of an earlier epoch, also after its own restart, and serves another cluster', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-epochs-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const reigns: { cluster: string; epoch: number }[] = [
    { cluster: 'one', epoch: 5 },
    { cluster: 'one', epoch: 4 },
    { cluster: 'one', epoch: 3 },
    { cluster: 'other', epoch: 1 },
  ];
  let dials = 0;
  const hungUp: number[] = [];
  const master = await ScriptedMaster.open(({ path, stream, answer, response }) => {
    if (path !== '/mesita/v1/agent') return answer(202);
    const number = dials++;
    response.on('close', () => hungUp.push(number));
    const write = stream(`stream-${number}`);
    const { cluster, epoch } = reigns[Math.min(number, reigns.length - 1)] ?? { cluster: '', epoch: 0 };
    write({ type: 'REGISTERED', agent_id: 'S', master_id: 'M', ping_timeout_seconds: 15, cluster, epoch });
    // The first one goes by itself.
    if (number === 0) setTimeout(() => response.destroy(), 200);
  });
  t.after(() => master.close());
  const start = async () => {
    const shutdown = new Shutdown(silentLog);
    t.after(() => shutdown.stop());
    const own = [
      '--port=0',
      `--work_dir=${directory}`,
      '--containerizers=process',
      '--resources=cpus:1;mem:64;disk:10',
    ];
    const link = [`--master=${master.address}`, '--registration_backoff_factor=10ms'];
    const flags = parseFlags(agentFlags, [...own, ...link], {});
    await startAgent({ flags, log: silentLog, shutdown, leavesTasks: () => true });
    return shutdown;
  };
  const first = await start();
  await eventually('it has hung up on the second', () => hungUp.includes(1));
  await first.stop();
  dials = 2;
  hungUp.length = 0;
  await start();
  await eventually('it has hung up on the third', () => hungUp.includes(2));
  await eventually('it dials the fourth', () => dials === 4);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(hungUp.includes(3), false);
});
