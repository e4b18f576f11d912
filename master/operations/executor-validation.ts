import { invalidId } from '../../protocol/ids.ts';
import type { ExecutorInfo } from '../../protocol/messages.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { type Framework, taskKey } from '../state.ts';
import type { Basket } from './basket.ts';
import { invalidCommand, invalidContainer } from './command-validation.ts';
import { duplicateVolume, invalidUse, mixedRevocable } from './resource-use.ts';

/** The first thing wrong with an executor, its ids and resources filled in, in Mesos' words and order; undefined when it may run. */
export function invalidExecutor(executor: ExecutorInfo, basket: Basket): string | undefined {
  return (
    invalidType(executor) ??
    invalidId(executor.executor_id.value) ??
    wrongFramework(executor, basket.framework) ??
    invalidGrace(executor) ??
    invalidExecutorCommand(executor) ??
    invalidExecutorContainer(executor) ??
    invalidExecutorResources(executor) ??
    differs(executor, basket)
  );
}

/** The one of the same id that runs on the agent, or is about to. */
export function runningExecutor({ agent, framework }: Basket, executor: ExecutorInfo): ExecutorInfo | undefined {
  return agent.executors.get(taskKey(framework.id, executor.executor_id.value));
}

function invalidType({ type, command, container }: ExecutorInfo): string | undefined {
  if (type === 'UNKNOWN') return 'Unknown executor type';
  if (type !== 'DEFAULT') return command === undefined ? "'ExecutorInfo.command' must be set" : undefined;
  if (command !== undefined) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if (container === undefined) return undefined;
  if (container.type !== 'MESOS') return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  return container.mesos?.image === undefined
    ? undefined
    : "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
}

function wrongFramework({ framework_id }: ExecutorInfo, { id }: Framework): string | undefined {
  if (framework_id === undefined) return "'ExecutorInfo.framework_id' must be set";
  if (framework_id.value === id) return undefined;
  return `ExecutorInfo has an invalid FrameworkID (Actual: ${framework_id.value} vs Expected: ${id})`;
}

function invalidGrace({ shutdown_grace_period }: ExecutorInfo): string | undefined {
  return (shutdown_grace_period?.nanoseconds ?? 0) < 0
    ? "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    : undefined;
}

function invalidExecutorCommand({ command }: ExecutorInfo): string | undefined {
  const reason = command === undefined ? undefined : invalidCommand(command);
  return reason === undefined ? undefined : `Executor's \`CommandInfo\` is invalid: ${reason}`;
}

function invalidExecutorContainer({ container }: ExecutorInfo): string | undefined {
  if (container === undefined) return undefined;
  const reason =
    invalidContainer(container) ??
    (container.linux_info?.share_cgroups === true ? "'linux_info.share_cgroups' must not be set to 'true'" : undefined);
  return reason === undefined ? undefined : `Executor's \`ContainerInfo\` is invalid: ${reason}`;
}

function invalidExecutorResources({ resources = [] }: ExecutorInfo): string | undefined {
  const reason = invalidUse(resources);
  if (reason !== undefined) return `Executor uses invalid resources: ${reason}`;
  const twice = duplicateVolume(resources);
  if (twice !== undefined) return `Executor uses duplicate persistence ID: Persistence ID '${twice}' is not unique`;
  if (mixedRevocable(resources) !== undefined) {
    return `Executor mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable '${mixedRevocable(resources)}' at the same time`;
  }
  return resources.some(({ shared }) => shared !== undefined) ? 'Executor uses shared resources' : undefined;
}

const line = '-'.repeat(60);

/** Whoever names a running executor must mean it as it is. */
function differs(executor: ExecutorInfo, basket: Basket): string | undefined {
  const running = runningExecutor(basket, executor);
  if (running === undefined || sameContent(running, executor)) return undefined;
  const texts = ['Existing ExecutorInfo:', text(running), line, 'ExecutorInfo:', text(executor), line];
  return `ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n${line}\n${texts.join('\n')}\n`;
}

function text(executor: ExecutorInfo): string {
  return JSON.stringify(executor, undefined, 2);
}
