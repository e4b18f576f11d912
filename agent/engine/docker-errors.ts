import type { ErrorCode } from '../../protocol/error-codes.ts';
import { describeError, MesitaError } from '../../protocol/errors.ts';

/** What dockerode throws: an HTTP status with the engine's words, or an error of the connection with neither. */
export interface EngineFailure {
  status?: number;
  words: string;
  /** e.g. `ENOENT`, of the connection. */
  errno?: string;
}

export function readFailure(error: unknown): EngineFailure {
  const { statusCode, json, code } = Object(error) as { statusCode?: unknown; json?: unknown; code?: unknown };
  const message = (Object(json) as { message?: unknown }).message;
  return {
    ...(typeof statusCode === 'number' && { status: statusCode }),
    words: typeof message === 'string' && message !== '' ? message.trim() : describeError(error).trim(),
    ...(typeof code === 'string' && { errno: code }),
  };
}

interface Rule {
  words: RegExp;
  code: ErrorCode;
  remedy?: string;
}

// The first that fits. The engine has no codes of its own, so its words must do.
const rules: Rule[] = [
  {
    words: /no space left on device|disk quota exceeded/i,
    code: 'MESITA_DISK_FULL',
    remedy: 'Free some space on the disk of the engine, e.g. with `docker image prune`.',
  },
  {
    words: /port is already allocated|address already in use|failed to bind host port/i,
    code: 'MESITA_PORT_IN_USE',
    remedy: 'Stop whatever listens on that port of the host, or take the port out of what the agent offers.',
  },
  { words: /no such image|unable to find image/i, code: 'MESITA_IMAGE_UNAVAILABLE' },
  {
    words: /container name .* is already in use/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Give the container another name, or remove the one that has it.',
  },
  {
    words: /minimum memory limit/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Raise the memory limit of the task.',
  },
  {
    words: /network \S+ not found|could not find a network|no such network/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Create the network with `docker network create`, or name one that `docker network ls` shows.',
  },
  {
    words:
      /executable file not found|exec: ".*": .*(no such file|permission denied|is a directory)|exec format error|exec .*: (no such file|permission denied)/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Check that the command is in the image, is executable, and is made for this architecture.',
  },
  {
    words: /unable to find user|no matching entries in passwd|unable to find group|no such user/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Name a user that the image has, or a number.',
  },
  {
    words:
      /invalid mount|mount path must be absolute|bind source path|invalid volume|duplicate mount point|not a directory: unknown|error mounting|path .* is (not shared|mounted on)/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Check the paths of the volumes: absolute, each target once, a directory onto a directory.',
  },
  {
    words: /no command specified/i,
    code: 'MESITA_CONTAINER_INVALID',
    remedy: 'Give the task a command; the image has none.',
  },
  {
    words:
      /could not select device driver|unknown runtime|invalid runtime|error gathering device information|unknown or invalid runtime name|logging driver|log driver|log-opt|cannot find volumes|working directory .* is invalid|no such container: |conflicting options|OCI runtime create failed/i,
    code: 'MESITA_CONTAINER_INVALID',
  },
];

const connectionErrors = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENOTSOCK',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ABORT_ERR',
]);

const neverSent = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ENOTFOUND', 'EHOSTUNREACH', 'ENOTSOCK', 'EAI_AGAIN']);

/** Whether the call may have reached the engine, which did not answer it: what became of it is not known. */
export function isUnanswered(error: unknown): boolean {
  const { status, errno } = readFailure(error);
  return status === undefined && errno !== undefined && connectionErrors.has(errno) && !neverSent.has(errno);
}

/**
 * An error of a call to the engine as one of ours.
 * @param doing what was tried, e.g. `create the container web-1`
 * @param address where the engine listens
 */
export function engineError(error: unknown, doing: string, address: string): MesitaError {
  if (error instanceof MesitaError) return error;
  const failure = readFailure(error);
  if (failure.status === undefined) {
    if (failure.errno === undefined || connectionErrors.has(failure.errno)) return unreachable(error, doing, address);
    return new MesitaError('MESITA_ENGINE_FAILED', { message: `Could not ${doing}: ${failure.words}`, cause: error });
  }
  const rule = rules.find(({ words }) => words.test(failure.words));
  const code = rule?.code ?? (failure.status === 400 ? 'MESITA_CONTAINER_INVALID' : 'MESITA_ENGINE_FAILED');
  return new MesitaError(code, {
    message: `Could not ${doing}: ${failure.words}`,
    ...(rule?.remedy !== undefined && { remedy: rule.remedy }),
    cause: error,
  });
}

function unreachable(error: unknown, doing: string, address: string): MesitaError {
  const { errno, words } = readFailure(error);
  return new MesitaError('MESITA_ENGINE_UNREACHABLE', {
    message: `Could not ${doing}: the Docker engine at ${address} does not answer (${words})`,
    ...(errno === 'EACCES' && { remedy: 'Run as root, or add this user to the group `docker` and log in again.' }),
    cause: error,
  });
}
