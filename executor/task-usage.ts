/** What one process uses at one moment. */
export interface ProcessUsage {
  pid: number;
  /** Since its start. */
  cpuSeconds: number;
  memoryBytes: number;
}

/** What a task's processes use, all in all; the shared pages of each process are counted for each. */
export class TaskUsage {
  readonly #cpuByProcess = new Map<number, number>();
  #endedCpuSeconds = 0;
  #last: { at: number; cpuSeconds: number } | undefined;
  processes = 0;
  /** Processes that ended are counted as far as they were seen. */
  cpuSeconds = 0;
  /** Cores in use between the last two looks. */
  cores = 0;
  memoryBytes = 0;
  peakBytes = 0;

  /** `at`: seconds. */
  look(processes: readonly ProcessUsage[], at: number): void {
    const seen = new Set(processes.map(({ pid }) => pid));
    for (const [pid, seconds] of this.#cpuByProcess) {
      if (seen.has(pid)) continue;
      this.#endedCpuSeconds += seconds;
      this.#cpuByProcess.delete(pid);
    }
    for (const { pid, cpuSeconds } of processes) this.#cpuByProcess.set(pid, cpuSeconds);
    const running = processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    this.processes = processes.length;
    this.cpuSeconds = this.#endedCpuSeconds + running;
    this.memoryBytes = processes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    this.peakBytes = Math.max(this.peakBytes, this.memoryBytes);
    if (this.#last !== undefined && at > this.#last.at) {
      this.cores = Math.max(0, this.cpuSeconds - this.#last.cpuSeconds) / (at - this.#last.at);
    }
    this.#last = { at, cpuSeconds: this.cpuSeconds };
  }
}
