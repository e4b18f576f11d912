import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choosePackages, type EngineFacts, planEngine, remedyFor } from '../../../../cli/setup/engine-plan.ts';

const bareDebian: EngineFacts = {
  platform: 'linux',
  root: true,
  debian: true,
  dockerHost: undefined,
  refused: false,
  daemon: false,
  client: false,
  init: 'systemd',
};

function obstacleOf(facts: Partial<EngineFacts>): string {
  const plan = planEngine({ ...bareDebian, ...facts });
  assert.ok('obstacle' in plan, 'expected to be told what to do');
  assert.doesNotMatch(plan.remedy, /\n/);
  return plan.remedy;
}

describe('where no engine answers', () => {
  it('root on a bare Debian gets one installed and started', () => {
    assert.deepEqual(planEngine(bareDebian), { steps: [{ install: 'engine' }, { start: 'systemctl' }] });
  });

  it('an engine that is installed is only started, by whatever looks after services', () => {
    const installed = { ...bareDebian, daemon: true, client: true };
    assert.deepEqual(planEngine(installed), { steps: [{ start: 'systemctl' }] });
    assert.deepEqual(planEngine({ ...installed, init: 'sysv' }), { steps: [{ start: 'service' }] });
    assert.deepEqual(planEngine({ ...installed, init: 'none' }), { steps: [{ start: 'dockerd' }] });
  });

  it('an engine that is installed is started on any distribution', () => {
    const installed = { ...bareDebian, debian: false, daemon: true, client: true };
    assert.deepEqual(planEngine(installed), { steps: [{ start: 'systemctl' }] });
  });

  it('a daemon without a docker command is completed by the package that has both', () => {
    const steps = [{ install: 'engine' }, { start: 'systemctl' }];
    assert.deepEqual(planEngine({ ...bareDebian, daemon: true }), { steps });
  });

  it('an engine of the user’s own choice is never replaced', () => {
    assert.match(obstacleOf({ dockerHost: 'tcp://10.0.0.1:2375' }), /DOCKER_HOST/);
  });

  it('others than root are told the command for it', () => {
    assert.match(obstacleOf({ root: false }), /sudo/);
    assert.match(obstacleOf({ root: false, daemon: true, client: true }), /sudo systemctl start docker/);
    assert.match(obstacleOf({ root: false, refused: true }), /docker \$USER/);
  });

  it('macOS is told to start Docker Desktop, other distributions to install Docker', () => {
    assert.match(obstacleOf({ platform: 'darwin', root: false, debian: false }), /Docker Desktop/);
    assert.match(obstacleOf({ debian: false }), /Install Docker/);
  });
});

describe('the packages of an engine', () => {
  const all = { engine: true, compose: true, apparmor: false, cgroups: true };
  const distribution =
    (...names: string[]) =>
    async (name: string) =>
      names.includes(name);

  it('are docker.io and docker-compose on Debian 12', async () => {
    assert.deepEqual(await choosePackages(all, distribution('docker.io', 'docker-compose')), [
      'docker.io',
      'docker-compose',
    ]);
  });

  it('bring the command line where it is a package of its own, and the newest compose there is', async () => {
    const chosen = await choosePackages(all, distribution('docker-cli', 'docker-compose', 'docker-compose-v2'));
    assert.deepEqual(chosen, ['docker.io', 'docker-cli', 'docker-compose-v2']);
  });

  it('leave out what is there already', async () => {
    const chosen = await choosePackages({ ...all, compose: false }, distribution('docker-compose'));
    assert.deepEqual(chosen, ['docker.io']);
    const composeOnly = await choosePackages({ ...all, engine: false }, distribution('docker-compose', 'docker-cli'));
    assert.deepEqual(composeOnly, ['docker-compose']);
  });

  it('add what the kernel asks for', async () => {
    const chosen = await choosePackages(
      { engine: true, compose: false, apparmor: true, cgroups: false },
      distribution('cgroupfs-mount'),
    );
    assert.deepEqual(chosen, ['docker.io', 'apparmor', 'cgroupfs-mount']);
  });
});

describe('the remedy for an engine that died', () => {
  it('is found from the error, not from what was logged on the way', () => {
    const log = [
      'time="…" level=info msg="[graphdriver] trying overlay2"',
      'time="…" level=warning msg="Your kernel does not support cgroup blkio weight"',
      'failed to start daemon: Error initializing network controller: iptables failed: nf_tables',
    ];
    assert.match(remedyFor(log), /iptables-legacy/);
  });

  it('names the storage driver, the disk, or missing privileges', () => {
    assert.match(remedyFor(['failed to start daemon: error initializing graphdriver: driver not supported']), /vfs/);
    assert.match(remedyFor(['failed to start daemon: write: no space left on device']), /Free some space/);
    assert.match(remedyFor(['failed to start daemon: mount: operation not permitted']), /--privileged/);
  });

  it('is something to read on where nothing is known', () => {
    assert.notEqual(remedyFor([]), '');
    assert.notEqual(remedyFor(['something new']), '');
  });
});
