import { parseDuration } from '../protocol/duration.ts';
import { MesitaError } from '../protocol/errors.ts';

/** What an agent tells an executor in its environment. Source: Mesos' executor API. Times in seconds. */
export interface ExecutorEnvironment {
  frameworkId: string;
  executorId: string;
  agentId: string;
  /** host:port */
  agentEndpoint: string;
  /** The executor's sandbox, as the executor sees it. */
  sandbox: string;
  /** Between SHUTDOWN and the end of the executor's container. */
  shutdownGrace: number;
  /** Only where the framework checkpoints: how long to look for an agent that is gone, and how long to wait at the most between two attempts. */
  recovery: { timeout: number; backoffMax: number } | undefined;
  /** Goes with every call where the agent asks executors who they are. */
  token: string | undefined;
}

const fallback = { shutdownGrace: 5, recoveryTimeout: 900, backoffMax: 2 };

/** Throws MESITA_EXECUTOR_ENVIRONMENT, which names the variable. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): ExecutorEnvironment {
  const required = (name: string): string => {
    const value = variables[name];
    if (value !== undefined && value !== '') return value;
    throw new MesitaError('MESITA_EXECUTOR_ENVIRONMENT', { message: `${name} is not set: no agent has started this` });
  };
  const duration = (name: string, otherwise: number): number => {
    const text = variables[name];
    if (text === undefined) return otherwise;
    const seconds = parseDuration(text);
    if (seconds !== undefined && seconds >= 0) return seconds;
    throw new MesitaError('MESITA_EXECUTOR_ENVIRONMENT', { message: `${name}=${text} is no duration such as 5secs` });
  };
  return {
    frameworkId: required('MESOS_FRAMEWORK_ID'),
    executorId: required('MESOS_EXECUTOR_ID'),
    agentId: required('MESOS_SLAVE_ID'),
    agentEndpoint: required('MESOS_AGENT_ENDPOINT'),
    sandbox: variables.MESOS_SANDBOX ?? required('MESOS_DIRECTORY'),
    shutdownGrace: duration('MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD', fallback.shutdownGrace),
    recovery:
      variables.MESOS_CHECKPOINT === '1'
        ? {
            timeout: duration('MESOS_RECOVERY_TIMEOUT', fallback.recoveryTimeout),
            backoffMax: duration('MESOS_SUBSCRIPTION_BACKOFF_MAX', fallback.backoffMax),
          }
        : undefined,
    token: variables.MESOS_EXECUTOR_AUTHENTICATION_TOKEN,
  };
}
