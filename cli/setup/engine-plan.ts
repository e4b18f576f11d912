/** What is known of the machine when no engine answers. */
export interface EngineFacts {
  platform: NodeJS.Platform;
  /** Root may install and start one. */
  root: boolean;
  /** A Debian or Ubuntu, or what is made from them. */
  debian: boolean;
  /** DOCKER_HOST, when set: the user's own choice of an engine, which is not second-guessed. */
  dockerHost: string | undefined;
  /** The socket is there, and refuses this user. */
  refused: boolean;
  /** `dockerd` is installed. */
  daemon: boolean;
  /** Some `docker` command is installed. */
  client: boolean;
  /** What looks after services here. */
  init: 'systemd' | 'sysv' | 'none';
}

export type EngineStep = { install: 'engine' } | { start: 'systemctl' | 'service' | 'dockerd' };
export type EnginePlan = { steps: EngineStep[] } | { obstacle: string; remedy: string };

/** How to come by an engine, or the one line that tells the user to. */
export function planEngine(facts: EngineFacts): EnginePlan {
  if (facts.dockerHost !== undefined) {
    return {
      obstacle: `No Docker engine answers at DOCKER_HOST=${facts.dockerHost}`,
      remedy: 'Start that engine, or unset DOCKER_HOST to use this machine’s own.',
    };
  }
  if (facts.platform === 'darwin') {
    return {
      obstacle: 'No Docker engine answers',
      remedy: 'Start Docker Desktop (or colima, OrbStack, …) and run this again.',
    };
  }
  if (facts.refused) {
    return {
      obstacle: 'The Docker engine refuses this user',
      remedy: 'Add yourself to its group with `sudo usermod -aG docker $USER` and log in again, or use sudo.',
    };
  }
  if (!facts.root) {
    return facts.daemon
      ? { obstacle: 'The Docker engine does not run', remedy: 'Start it with `sudo systemctl start docker`.' }
      : {
          obstacle: 'There is no Docker engine, and installing one takes root',
          remedy: facts.debian
            ? 'Run `sudo ./mesita setup`, or `sudo apt-get install docker.io docker-compose`.'
            : 'Install Docker as your distribution describes it, and start it.',
        };
  }
  const start: EngineStep = { start: starters[facts.init] };
  if (facts.daemon && facts.client) return { steps: [start] };
  if (facts.debian) return { steps: [{ install: 'engine' }, start] };
  return {
    obstacle: 'There is no Docker engine, and only on Debian and Ubuntu is one installed by itself',
    remedy: 'Install Docker as your distribution describes it, and start it.',
  };
}

const starters = { systemd: 'systemctl', sysv: 'service', none: 'dockerd' } as const;

/** The packages that an engine with compose is made of, out of those that the distribution has. */
export async function choosePackages(
  wanted: { engine: boolean; compose: boolean; apparmor: boolean; cgroups: boolean },
  exists: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const chosen: string[] = [];
  if (wanted.engine) {
    chosen.push('docker.io');
    // Newer releases have the command line in a package of its own.
    if (await exists('docker-cli')) chosen.push('docker-cli');
    // Where the kernel has AppArmor, no container starts without its parser.
    if (wanted.apparmor) chosen.push('apparmor');
    if (!wanted.cgroups && (await exists('cgroupfs-mount'))) chosen.push('cgroupfs-mount');
  }
  if (wanted.compose) {
    for (const name of ['docker-compose-v2', 'docker-compose-plugin', 'docker-compose']) {
      if (!(await exists(name))) continue;
      chosen.push(name);
      break;
    }
  }
  return chosen;
}

const known: readonly { sign: RegExp; remedy: string }[] = [
  {
    sign: /iptables|nf_tables|chain DOCKER/i,
    remedy:
      'The kernel’s packet filter does not take the rules: try `update-alternatives --set iptables /usr/sbin/iptables-legacy`.',
  },
  { sign: /overlay|graphdriver/i, remedy: 'The storage driver fails here: try `dockerd --storage-driver=vfs`.' },
  { sign: /cgroup/i, remedy: 'The control groups are not mounted: `apt-get install cgroupfs-mount` mounts them.' },
  { sign: /no space left/i, remedy: 'Free some space under /var/lib/docker.' },
  {
    sign: /permission denied|operation not permitted/i,
    remedy: 'This machine does not let an engine run: in a container it takes --privileged.',
  },
  {
    sign: /pid file found/i,
    remedy: 'Another engine seems to run, or died: remove /var/run/docker.pid when none does.',
  },
];

/** The lines of an engine's log that tell why it died: its errors where it named any, else the last ones. */
export function lastWords(log: readonly string[]): string[] {
  const errors = log.filter((line) => /level=fatal|failed to start|^panic:/i.test(line));
  return (errors.length > 0 ? errors : log).slice(-5);
}

/** What to do about an engine that died, from its log. */
export function remedyFor(log: readonly string[]): string {
  for (const line of lastWords(log).toReversed()) {
    const found = known.find(({ sign }) => sign.test(line));
    if (found !== undefined) return found.remedy;
  }
  return 'The log says more; `mesita doctor` checks the machine once an engine runs.';
}
