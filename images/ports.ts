/** What the set-up asks of the machine: commands run, and somebody told about it. The command line has the real ones. */

export interface CommandOptions {
  cwd?: string;
  /** Added to this process' environment; undefined takes a name away. */
  env?: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal;
  /** Milliseconds until the command is ended, with `timedOut` in its result. */
  timeout?: number;
  /** Milliseconds in which it must say something at all; ended likewise. */
  firstOutput?: number;
  /** Each line of its output and errors, as it comes. */
  onLine?: (line: string) => void;
  /** A command that must not be cut short: when the signal aborts it is asked to stop (SIGINT), and waited for. */
  finishOnAbort?: boolean;
}

export interface CommandResult {
  /** 127 where there is no such command. */
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** Runs a command without a shell. Rejects only when the signal aborts, with its reason, once the command has ended. */
export type RunCommand = (file: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

export interface Progress {
  say(line: string): void;
  /** Does the work, and shows that it goes on when it takes long; `detail` is the latest news of it. */
  during<T>(what: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
}

/** The `docker` command line that reaches the engine, and what that engine is. */
export interface DockerClient {
  /** Ended after a minute, unless the options name another timeout. */
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As Go names it: amd64, arm64. */
  architecture: string;
  engineVersion: string;
  apiVersion: string;
}
