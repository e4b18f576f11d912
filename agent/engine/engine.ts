import type { ContainerInput, EngineSession, SessionOptions, WindowSize } from './session.ts';

/**
 * The engine port: what the agent asks of whatever runs containers.
 * Declared here by its consumer; `docker-engine.ts` is the adapter over dockerode, `process-engine.ts` the one that runs host processes, and
 * `test/support/fake-engine.ts` the fake for the agent's own unit tests. `test/contract/engine-contract.ts` runs on all three.
 *
 * Life of a container:
 *
 *     ensureImage → create → start ──► exited (event) → remove
 *                                 └─► oom (event, none or many, before exited)
 *
 * - Every container that is made carries `labels`; `list` and `events` report containers with `scope`'s labels alone,
 *   so that several agents can share one engine and containers of others are never seen.
 * - `exited` is reported exactly once for each started container, also when it ended before `start` answered, and also when
 *   the connection to the engine broke meanwhile (the adapter subscribes again and reconciles by listing).
 * - Nothing polls: one events stream for each engine object.
 */
export type ContainerName = string;

export interface Engine {
  /** Connects, negotiates the API version, begins to listen to events. Throws MESITA_ENGINE_UNREACHABLE. */
  connect(signal: AbortSignal): Promise<EngineFacts>;
  /**
   * Makes sure that the image is on the machine; pulls when it is absent, or always with `force`. One pull for many callers with
   * the same credentials.
   * `progress` gets human sentences, at most about two a second. Throws MESITA_IMAGE_UNAVAILABLE.
   */
  ensureImage(image: string, options: EnsureImageOptions): Promise<void>;
  /**
   * Throws MESITA_CONTAINER_INVALID (what is asked for makes no sense), MESITA_IMAGE_UNAVAILABLE (no such image here),
   * MESITA_DISK_FULL, MESITA_ENGINE_FAILED or MESITA_ENGINE_UNREACHABLE. Leaves nothing when it throws.
   */
  create(spec: ContainerSpec): Promise<void>;
  /**
   * Throws like `create`, and MESITA_PORT_IN_USE when a port of the host is taken. When the connection breaks before the answer, it waits for the
   * engine and finds out.
   * After a throw the container still exists, and no exit of it is reported: the caller removes it.
   */
  start(name: ContainerName): Promise<void>;
  /** The addresses of a running container, IPv4 and IPv6; empty on host and none networks, and on that of another container. */
  addresses(name: ContainerName): Promise<ContainerAddress[]>;
  /** SIGTERM now and SIGKILL after `graceSeconds`, by the engine. Resolves when it is dead or was dead already. */
  stop(name: ContainerName, graceSeconds: number): Promise<void>;
  /** Sends one signal, e.g. `SIGKILL`. No error when the container is not running any more. */
  signal(name: ContainerName, signal: string): Promise<void>;
  /**
   * Writes the container's stdout and stderr to the two sinks, from the beginning, until it ends (`follow`) or to what there
   * is now. Resolves when the last byte is with the sinks. A tty's output goes to stdout alone. An engine that has `attach` keeps
   * the latest of it alone, and a line when it is complete.
   */
  logs(name: ContainerName, sinks: LogSinks, options: { follow: boolean; signal: AbortSignal }): Promise<void>;
  /**
   * Before `start`, where the engine can: hands on what the container writes from its beginning, while it writes it, and makes it
   * wait for slow sinks. Resolves when the container may be started; `ended`, which does not reject, when the last byte is with
   * the sinks, the connection broke, or the signal aborted.
   */
  attach?(name: ContainerName, sinks: LogSinks, options: { signal: AbortSignal }): Promise<{ ended: Promise<void> }>;
  /**
   * Hands on what a running container writes from now on, while it writes it; a slow sink may make it wait. `ended` as of `attach`.
   * Undefined when the container is not running.
   */
  listen(
    name: ContainerName,
    sinks: LogSinks,
    options: { signal: AbortSignal },
  ): Promise<{ ended: Promise<void> } | undefined>;
  /** Changes the limits of a running container, at once; a limit that is not given stays. No error when it is not running any more. */
  update(name: ContainerName, limits: ContainerLimits): Promise<void>;
  /**
   * Runs a command in a running container, beside its own, with no input; resolves when it has ended. Undefined when the
   * container is not running; 126 with the reason as its output when there is no such executable or user.
   * When the signal aborts, the process is killed with all that it started, and the signal's reason is thrown.
   * Throws MESITA_ENGINE_FAILED or MESITA_ENGINE_UNREACHABLE.
   */
  exec(name: ContainerName, command: readonly string[], options: ExecOptions): Promise<ExecResult | undefined>;
  /**
   * Where the engine can: as `exec`, but with the command's input at hand and its output on its way to the sinks, on a terminal if
   * one is asked for. Resolves when the command was started. Undefined when the container is not running.
   */
  openSession?(
    name: ContainerName,
    command: readonly string[],
    sinks: LogSinks,
    options: SessionOptions,
  ): Promise<EngineSession | undefined>;
  /** Where the engine can: the input of a running container that was made with one, or with a terminal. Undefined when it is not running. */
  openInput?(name: ContainerName): Promise<ContainerInput | undefined>;
  /** A single reading of a running container; undefined when it is not running. */
  usage(name: ContainerName): Promise<ContainerUsage | undefined>;
  /** Removes the container, killing it first if it runs, with its anonymous volumes. No error when it is gone already. */
  remove(name: ContainerName): Promise<void>;
  /** All containers, running or not, that carry the scope's labels. */
  list(): Promise<ContainerSummary[]>;
  /** Calls back for each event of a container in scope; returns the function that stops this. */
  onEvent(listener: (event: EngineEvent) => void): () => void;
  /** Absent where images cannot be removed. */
  readonly imageStore?: ImageStore;
  /** Closes the events stream and idle connections. Containers go on. */
  close(): Promise<void>;
}

/** Images on the machine, of whoever they are. */
export interface ImageStore {
  /** Undefined when there is none of that name. */
  idOf(image: string): Promise<string | undefined>;
  /** Takes the name off, and removes what has no other; false when a container needs it. */
  remove(image: string): Promise<boolean>;
}

export interface EngineFacts {
  /** e.g. `20.10.24` */
  version: string;
  /** The negotiated one, e.g. `1.41` */
  apiVersion: string;
  cgroupVersion: '1' | '2';
  cpus: number;
  /** MB */
  mem: number;
  operatingSystem: string;
  rootDirectory: string;
  /** Whether what runs goes on while the engine itself is restarted. */
  survives: boolean;
  /** False when the engine says that limits cannot be enforced on this machine. */
  enforces: { cpuQuota: boolean; memory: boolean; swap: boolean; pids: boolean };
}

/** What a registry wants to know before it hands out an image: a name and password, or a token. Secret: never logged. */
export interface RegistryCredentials {
  username?: string;
  password?: string;
  /** In place of a password: what a registry's authorization service gave for it. */
  identitytoken?: string;
  /** Goes to the registry as it is. */
  registrytoken?: string;
  serveraddress: string;
}

export interface EnsureImageOptions {
  force: boolean;
  credentials?: RegistryCredentials;
  signal: AbortSignal;
  progress?: (sentence: string) => void;
  /** Called when the image was not on the machine and was pulled. */
  pulled?: () => void;
}

export type Network =
  | { mode: 'host' }
  | { mode: 'none' }
  | { mode: 'bridge'; ports: PortMapping[]; hostname?: string }
  | { mode: 'user'; name: string; ports: PortMapping[]; hostname?: string; aliases?: string[] }
  /** That of another container, which must run when this one starts and shares all of it: addresses, ports, hostname. */
  | { mode: 'container'; name: ContainerName };

export interface PortMapping {
  hostPort: number;
  containerPort: number;
  protocol: 'tcp' | 'udp' | 'sctp';
}

export type Mount = { kind: 'bind'; hostPath: string; containerPath: string; readOnly: boolean } | VolumeMount;

export interface VolumeMount {
  kind: 'volume';
  name: string;
  driver?: string;
  /** For the driver, where the volume is yet to be made. */
  options?: Record<string, string>;
  containerPath: string;
  readOnly: boolean;
}

/** Units and meaning as in `ContainerSpec`. */
export interface ContainerLimits {
  cpuShares: number;
  cpuLimit?: number;
  memoryLimit?: number;
  memoryReservation?: number;
}

export interface ContainerSpec {
  name: ContainerName;
  image: string;
  /** Added to the scope's labels. */
  labels: Record<string, string>;
  /** Replaces the image's entrypoint when given. */
  entrypoint?: string[];
  /** Replaces the image's command when given; `[]` for none. */
  command?: string[];
  environment: Record<string, string>;
  workingDirectory?: string;
  user?: string;
  /** Cores requested: becomes CPU shares of 1024 a core, at least 2. */
  cpuShares: number;
  /** Cores at the most: becomes a CFS quota of 100 ms periods, at least 1 ms. Undefined: no hard limit. */
  cpuLimit?: number;
  /** MB, hard, swap included. Undefined: no limit. */
  memoryLimit?: number;
  /** MB, soft. */
  memoryReservation?: number;
  /** Processes and threads at the most; 0 for no limit. */
  pidsLimit: number;
  network: Network;
  mounts: Mount[];
  privileged: boolean;
  /** Its process gets a terminal, and of which size; its output is then stdout alone. */
  terminal?: Partial<WindowSize>;
  /** Its process has an input that ends with that of `openInput`; without one or a terminal it has none. */
  input?: boolean;
  gpus?: number;
  /** Where an engine that writes output by itself shall write it; others hand it out by `attach` and `logs`. */
  output?: OutputFiles;
  /** Adjusts the kernel's choice when memory runs out, -1000 to 1000. */
  oomScoreAdjust?: number;
  /**
   * Options of `docker run` by their long names without dashes (DockerInfo.parameters), in order, e.g. `{key: 'cap-add', value: 'SYS_PTRACE'}`.
   * One that the adapter doesn't know is MESITA_CONTAINER_INVALID and names it.
   */
  parameters: { key: string; value: string }[];
}

/** `stdout` and `stderr` in that directory. One that has grown to `maxSize` bytes (0: no limit) is put away as `.1`; `files` are kept at the most. */
export interface OutputFiles {
  directory: string;
  maxSize: number;
  files: number;
}

export interface ContainerAddress {
  network: string;
  protocol: 'IPv4' | 'IPv6';
  address: string;
}

export interface LogSinks {
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

export interface ExecOptions {
  /** Added to the container's. */
  environment: Record<string, string>;
  /** By default the container's. */
  user?: string;
  /** Called when the command runs, which is when it has cost the engine most of what it costs. */
  started?: () => void;
  signal: AbortSignal;
}

export interface ExecResult {
  /** 0 to 255; 128 + n after signal n. */
  exitCode: number;
  /** The end of what it wrote to stdout and stderr, at most 1 KB. */
  output: string;
}

export interface ContainerUsage {
  /** Seconds since start. */
  cpuUserSeconds: number;
  cpuSystemSeconds: number;
  /** MB in use now, without page cache where the engine tells it apart. */
  mem: number;
  /** MB at the most since start; undefined where the kernel does not keep it. */
  memPeak?: number;
  pids?: number;
}

export interface ContainerSummary {
  name: ContainerName;
  labels: Record<string, string>;
  state: 'created' | 'running' | 'exited';
  /** Of an exited one. */
  exit?: ContainerExit;
}

export interface ContainerExit {
  /** 0 to 255; 128 + n after signal n. */
  exitCode: number;
  /** Whether the kernel killed something in the container for want of memory. */
  outOfMemory: boolean;
  /** MB at the most, where it could be read when memory ran out. */
  memPeak?: number;
  /** A clause on why it was ended, by the engine and not by who asked for it: then it has not finished, whatever its exit code says. */
  because?: string;
}

export type EngineEvent =
  | ({ kind: 'exited'; name: ContainerName } & ContainerExit)
  | { kind: 'oom'; name: ContainerName }
  /** The events stream broke or is back. While it is broken, no event comes; what was missed comes after. */
  | { kind: 'disconnected'; reason: string }
  | { kind: 'connected' };
