/** What `mesita doctor` found out about the machine; undefined where it could not. */
export interface MachineFacts {
  nodeVersion: string;
  /** No engine answers: why, and the one line to do. */
  noEngine?: { reason: string; remedy: string };
  engine?: EngineFacts;
  compose: string | undefined;
  ports: readonly { port: number; use: string; holder: 'nobody' | 'mesita' | 'another process' }[];
  /** Bytes that are free, by what lies there. */
  disks: readonly { what: string; path: string; free: number }[];
  imagesAreCurrent: boolean | undefined;
}

export interface EngineFacts {
  version: string;
  apiVersion: string;
  system: string;
  cgroupVersion: string;
  memoryLimit: boolean;
  cpuQuota: boolean;
  pidsLimit: boolean;
  /** Bytes of memory that a container with a limit of `asked` bytes saw as its limit; undefined when none could be run. */
  enforcedMemory: { asked: number; seen: number } | undefined;
  /** Bytes. */
  memory: number;
  /** Milliseconds that the engine's clock is ahead of ours. */
  clockSkew: number;
}

export type Verdict = 'ok' | 'warning' | 'problem';

export interface Finding {
  check: string;
  verdict: Verdict;
  /** What was found. */
  finding: string;
  /** What to do, unless it is ok. */
  remedy?: string;
}

/** The oldest API that has all that the agent asks for. */
const oldestApi = '1.40';
const gigabyte = 2 ** 30;

/** Judges the facts, in the order that people should mend them. */
export function examine(facts: MachineFacts): Finding[] {
  const { engine, noEngine } = facts;
  return [
    { check: 'node', verdict: 'ok', finding: facts.nodeVersion },
    ...(noEngine === undefined ? [] : [problem('engine', noEngine.reason, noEngine.remedy)]),
    ...(engine === undefined ? [] : examineEngine(engine)),
    ...(noEngine === undefined ? [examineCompose(facts.compose)] : []),
    ...(facts.imagesAreCurrent === undefined ? [] : [examineImages(facts.imagesAreCurrent)]),
    ...facts.ports.map(examinePort),
    ...facts.disks.map(examineDisk),
  ];
}

function examineEngine(engine: EngineFacts): Finding[] {
  return [
    { check: 'engine', verdict: 'ok', finding: `Docker ${engine.version} on ${engine.system}` },
    compareVersions(engine.apiVersion, oldestApi) < 0
      ? problem(
          'api',
          `${engine.apiVersion}, older than ${oldestApi}`,
          'Install a newer Docker engine (19.03 or later).',
        )
      : { check: 'api', verdict: 'ok', finding: engine.apiVersion },
    examineControlGroups(engine),
    ...examineEnforcement(engine),
    examineClock(engine.clockSkew),
    examineMemory(engine.memory),
  ];
}

function examineControlGroups(engine: EngineFacts): Finding {
  const check = 'cgroups';
  const missing = [
    ...(engine.memoryLimit ? [] : ['memory limits']),
    ...(engine.cpuQuota ? [] : ['CPU quotas']),
    ...(engine.pidsLimit ? [] : ['process limits']),
  ];
  const version = `version ${engine.cgroupVersion}`;
  if (missing.length === 0) return { check, verdict: 'ok', finding: `${version}, with memory, CPU and process limits` };
  const remedy = 'Boot the kernel with these controllers (`cgroup_enable=memory`, CONFIG_CFS_BANDWIDTH).';
  return problem(
    check,
    `${version}, without ${missing.join(', ')}: tasks would not be held to what they asked for`,
    remedy,
  );
}

function examineEnforcement({ enforcedMemory }: EngineFacts): Finding[] {
  const check = 'limits';
  if (enforcedMemory === undefined) return [];
  if (enforcedMemory.seen === enforcedMemory.asked) {
    return [{ check, verdict: 'ok', finding: 'a container runs, and has the memory limit it was given' }];
  }
  const finding = `a container that was given ${enforcedMemory.asked} bytes of memory has a limit of ${enforcedMemory.seen}`;
  return [problem(check, finding, 'See the engine’s log for warnings about cgroups.')];
}

function examineClock(skew: number): Finding {
  const check = 'clock';
  const size = Math.abs(skew);
  const finding = `the engine’s is ${(size / 1000).toFixed(1)} s ${skew > 0 ? 'ahead' : 'behind'}`;
  const remedy = 'Set both clocks by NTP; with Docker Desktop, restart it after the machine slept.';
  if (size < 2_000) return { check, verdict: 'ok', finding: 'the engine’s agrees with this machine’s' };
  return { check, verdict: size < 30_000 ? 'warning' : 'problem', finding, remedy };
}

function examineMemory(memory: number): Finding {
  const finding = `${(memory / gigabyte).toFixed(1)} GB`;
  if (memory >= gigabyte) return { check: 'memory', verdict: 'ok', finding };
  return {
    check: 'memory',
    verdict: 'warning',
    finding,
    remedy: 'Give the engine 2 GB or more for more than a few tasks.',
  };
}

function examineCompose(compose: string | undefined): Finding {
  if (compose !== undefined) return { check: 'compose', verdict: 'ok', finding: compose };
  const remedy = 'Run `mesita setup` as root, or install docker-compose; `mesita dev` does without.';
  return { check: 'compose', verdict: 'warning', finding: 'not installed', remedy };
}

function examineImages(current: boolean): Finding {
  if (current) return { check: 'images', verdict: 'ok', finding: 'built from these sources' };
  const remedy = 'Nothing to do: `mesita up` builds them (or `mesita setup`, ahead of time).';
  return { check: 'images', verdict: 'warning', finding: 'not built from these sources yet', remedy };
}

function examinePort({ port, use, holder }: MachineFacts['ports'][number]): Finding {
  const check = `port ${port}`;
  if (holder !== 'another process') {
    return { check, verdict: 'ok', finding: holder === 'mesita' ? `held by mesita (${use})` : `free (for ${use})` };
  }
  const remedy = 'Stop the other process, or choose another port with --port.';
  return { check, verdict: 'warning', finding: `held by another process, and ${use} listens there by default`, remedy };
}

function examineDisk({ what, path, free }: MachineFacts['disks'][number]): Finding {
  const check = `disk: ${what}`;
  const finding = `${(free / gigabyte).toFixed(1)} GB free at ${path}`;
  if (free >= 5 * gigabyte) return { check, verdict: 'ok', finding };
  const remedy = 'Free some space: `docker system prune` removes what the engine no longer needs.';
  return { check, verdict: free < gigabyte ? 'problem' : 'warning', finding, remedy };
}

function problem(check: string, finding: string, remedy: string): Finding {
  return { check, verdict: 'problem', finding, remedy };
}

function compareVersions(left: string, right: string): number {
  const [a = 0, b = 0] = left.split('.').map(Number);
  const [c = 0, d = 0] = right.split('.').map(Number);
  return a - c || b - d;
}
