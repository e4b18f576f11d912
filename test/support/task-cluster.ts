import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { image } from './agent-room.ts';
import { FakeEngine, type FakeEngineOptions } from './fake-engine.ts';

const resources = 'cpus:2;mem:512;disk:100;ports:[31000-31009];gpus:0';

/** An agent on a faked engine in this process, registered at a master; it goes when the test is over. */
export async function agentOf(
  t: Pick<TestContext, 'after'>,
  master: { master: { address: string }; directory: string },
  options: Pick<FakeEngineOptions, 'program' | 'session' | 'machine' | 'scope'> & {
    flags?: string[];
    clock?: Clock;
    leavesTasks?: () => boolean;
  } = {},
) {
  const { session, machine, scope, leavesTasks } = options;
  const engine = new FakeEngine({
    images: [image],
    program: options.program ?? (() => ({ stdout: 'hello', exit: {} })),
    ...(session && { session }),
    ...(machine && { machine }),
    ...(scope && { scope }),
  });
  const shutdown = new Shutdown(silentLog);
  t.after(() => shutdown.stop());
  const own = ['--port=0', `--work_dir=${join(master.directory, 'agent')}`, `--resources=${resources}`];
  const link = [`--master=${master.master.address}`, '--registration_backoff_factor=10ms'];
  const flags = parseFlags(agentFlags, [...link, ...own, ...(options.flags ?? [])], {});
  const clock = options.clock && { clock: options.clock };
  const agent = await startAgent({
    flags,
    log: silentLog,
    shutdown,
    engine,
    ...clock,
    ...(leavesTasks && { leavesTasks }),
  });
  return { engine, agent, id: await agent.registered, stop: () => shutdown.stop() };
}
