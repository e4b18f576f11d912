/** A part of the engine port: commands that somebody talks with while they run in a container, beside its own. */
export interface SessionOptions {
  /** Added to the container's. */
  environment: Record<string, string>;
  /** By default the container's. */
  user?: string;
  /** Whether the command gets a terminal, and of which size. Its output is then stdout alone. */
  terminal?: Partial<WindowSize>;
}

export interface WindowSize {
  rows: number;
  columns: number;
}

export interface ContainerInput {
  /** The command's stdin; `end` is its end, unless it is a terminal. What is written when the command has ended is lost. */
  readonly input: NodeJS.WritableStream;
  /** Of the terminal. No error when there is none, or the command has ended. */
  resize(size: WindowSize): Promise<void>;
}

export interface EngineSession extends ContainerInput {
  /** Sends a signal, e.g. `SIGKILL`, to the command and all that it started. No error when it has ended. */
  signal(signal: string): Promise<void>;
  /**
   * Resolves, and never rejects, when the command has ended and the last byte of its output is with the sinks. 0 to 255; 128 + n after
   * signal n; 126 or 127 when there is no such executable, and its output says so.
   */
  readonly ended: Promise<{ exitCode: number }>;
}
