import { AccountNames } from '../runtime/account-names.ts';
import type { Clock } from '../runtime/clock.ts';
import { filesRoute } from '../runtime/files-route.ts';
import type { createHttpServer } from '../runtime/http-server.ts';
import type { Log } from '../runtime/log.ts';
import { attachedLog } from '../runtime/log-flags.ts';
import { LoggingLevel } from '../runtime/logging-level.ts';
import { processRoutes } from '../runtime/process-routes.ts';
import { ShownFiles } from '../runtime/shown-files.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import type { ContainerEnds } from './container-ends.ts';
import { ContainerStatistics } from './container-statistics.ts';
import { sandboxesDocument } from './documents/sandboxes.ts';
import type { Engine } from './engine/engine.ts';
import type { AgentFlags } from './flags.ts';
import { executorRoute } from './http/executor-route.ts';
import { operatorRoute } from './http/operator-route.ts';
import { readOnlyRoutes } from './http/read-only-routes.ts';
import { refuseWhileRecovering } from './http/recovery-refusal.ts';
import type { AgentIdentity } from './identity.ts';
import { type LaunchMetrics, metricsSnapshot } from './metrics.ts';
import type { ContainerRunner } from './nested/container-runner.ts';
import { NestedContainers } from './nested/nested-containers.ts';
import type { Performer } from './performer.ts';
import { sandboxesUnder } from './sandbox-files.ts';
import { SandboxPaths } from './sandbox-paths.ts';
import type { AgentState } from './state.ts';

export interface Serving {
  server: ReturnType<typeof createHttpServer>;
  state: AgentState;
  identity: AgentIdentity;
  workDirectory: string;
  engine: Engine;
  flags: AgentFlags;
  log: Log;
  clock: Clock;
  launches: LaunchMetrics;
  shutdown: Shutdown;
  ends: ContainerEnds;
  /** Undefined until the agent is ready for executors. */
  performer: () => Performer | undefined;
  /** Undefined until the agent is ready for containers. */
  runner: () => ContainerRunner | undefined;
}

/** The agent's endpoints. */
export function serve({
  server,
  state,
  identity,
  workDirectory,
  engine,
  flags,
  log,
  clock,
  launches,
  shutdown,
  ends,
  performer,
  runner,
}: Serving): void {
  const attached = attachedLog(flags, 'agent');
  const locate = sandboxesUnder(() => new SandboxPaths(workDirectory, identity.id ?? '').slave);
  const files = new ShownFiles({ accounts: new AccountNames(), attached, locate });
  const statistics = new ContainerStatistics(state, engine, flags.cgroups_enable_cfs, clock);
  const metrics = () => metricsSnapshot(state, identity, launches, clock.now());
  const loggingLevel = new LoggingLevel(log, clock);
  shutdown.register('logging level', () => loggingLevel.stop());
  refuseWhileRecovering(server, () => performer() !== undefined);
  processRoutes(server, loggingLevel);
  filesRoute(server, files, () => ({ ...sandboxesDocument(state), ...attached }));
  readOnlyRoutes(server, { state, identity: () => identity, statistics, metrics });
  executorRoute(server, performer);
  const nested = new NestedContainers(state, engine, { ends, workDirectory, runner });
  shutdown.register('nested containers', () => nested.stop());
  const operated = { state, identity: () => identity, statistics, metrics, files, nested, loggingLevel };
  operatorRoute(server, operated, clock);
}
