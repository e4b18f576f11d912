import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AccountNames } from '../runtime/account-names.ts';
import { filesRoute } from '../runtime/files-route.ts';
import { flagTexts } from '../runtime/flags.ts';
import type { createHttpServer } from '../runtime/http-server.ts';
import { attachedLog } from '../runtime/log-flags.ts';
import type { LoggingLevel } from '../runtime/logging-level.ts';
import { processRoutes } from '../runtime/process-routes.ts';
import { ShownFiles } from '../runtime/shown-files.ts';
import type { EventSubscribers } from './event-subscribers.ts';
import { type MasterFlags, masterFlags } from './flags.ts';
import { agentRoute } from './http/agent-route.ts';
import { artifactRoute } from './http/artifact-route.ts';
import { killRoute } from './http/kill-route.ts';
import { maintenanceRoutes } from './http/maintenance-routes.ts';
import { operationRoutes } from './http/operation-routes.ts';
import { operatorRoute } from './http/operator-route.ts';
import { quotaRoutes } from './http/quota-routes.ts';
import { readOnlyRoutes } from './http/read-only-routes.ts';
import { relayRoute } from './http/relay-route.ts';
import { schedulerRoute } from './http/scheduler-route.ts';
import { teardownRoute } from './http/teardown-route.ts';
import { whyRoute } from './http/why-route.ts';
import type { Performer } from './performer.ts';
import type { RateLimits } from './rate-limits/rate-limits.ts';

export interface Served {
  server: ReturnType<typeof createHttpServer>;
  performer: Performer;
  subscribers: EventSubscribers;
  flags: MasterFlags;
  limits: RateLimits | undefined;
  loggingLevel: LoggingLevel;
}

/** All that a master answers over HTTP, once it leads. */
export function serve({ server, performer, subscribers, flags, limits, loggingLevel }: Served): void {
  const ids = { uuid: randomUUID };
  const texts = flagTexts(masterFlags, flags);
  const attached = attachedLog(flags, 'master');
  const files = new ShownFiles({ accounts: new AccountNames(), attached });
  schedulerRoute(server, performer, ids, limits);
  agentRoute(server, performer, ids);
  relayRoute(server, performer, ids);
  killRoute(server, performer);
  operationRoutes(server, performer);
  quotaRoutes(server, performer);
  whyRoute(server, performer);
  readOnlyRoutes(server, performer, texts);
  filesRoute(server, files, () => attached);
  processRoutes(server, loggingLevel);
  operatorRoute(server, { performer, subscribers, flags: texts, loggingLevel, files });
  teardownRoute(server, performer);
  maintenanceRoutes(server, performer);
  const directory = join(flags.work_dir, 'artifacts');
  artifactRoute(server, { directory, capacity: flags.artifact_capacity, clock: performer.clock, ids });
}
