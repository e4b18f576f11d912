import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTask } from '../../../agent/commands/run-task.ts';
import { type ContainerSettings, planContainer } from '../../../agent/container-plan.ts';
import { asHostProcess, noContainerizer } from '../../../agent/process-plan.ts';
import { SandboxPaths } from '../../../agent/sandbox-paths.ts';
import { emptyState, taskKey } from '../../../agent/state.ts';
import type { TaskInfo } from '../../../protocol/messages.ts';
import { frameworkInfo, resourcesOf } from '../../support/master-messages.ts';

const settings: ContainerSettings = {
  defaultImage: 'default:1',
  enforceCpuQuota: true,
  pidsLimit: 100,
  agentId: 'S',
  workDirectory: '/work',
  agentEndpoint: '10.0.0.1:5051',
  executorShutdownGrace: 5,
};
const logs = { maxSize: 1000, files: 2 };

function planned(change: Partial<TaskInfo>, switchUser = true) {
  const state = emptyState({
    killGrace: 5,
    executorShutdownGrace: 5,
    executorRegistrationTimeout: 60,
    executorReregistrationTimeout: 2,
  });
  const framework = { ...frameworkInfo({ id: 'F' }), user: 'daemon' };
  const task = {
    name: 't',
    task_id: { value: 't' },
    agent_id: { value: 'S' },
    resources: resourcesOf('cpus:1;mem:64'),
    command: { value: 'true' },
    ...change,
  };
  const given = { framework, task, address: '10.0.0.1' };
  runTask(state, new SandboxPaths('/work', 'S'), given, { now: 0, ids: { uuid: () => 'C' } });
  const record = state.tasks.get(taskKey('F', 't'));
  assert.ok(record);
  const plan = planContainer(record, settings);
  assert.ok(!('error' in plan));
  return { sandbox: record.sandbox, process: asHostProcess(plan, record, { switchUser, logs }) };
}

test('a command runs in its sandbox, where that is on the host', () => {
  const { sandbox, process } = planned({});
  assert.ok(process !== undefined);
  const { spec } = process;
  assert.equal(process.image, '');
  assert.equal(spec.image, '');
  assert.equal(spec.workingDirectory, sandbox);
  assert.equal(spec.environment.MESOS_SANDBOX, sandbox);
  assert.equal(spec.environment.MESOS_DIRECTORY, sandbox);
  assert.deepEqual(spec.output, { ...logs, directory: sandbox });
  assert.deepEqual(spec.mounts, []);
});

test('a volume in the sandbox is one on the host', () => {
  const volumes = [{ mode: 'RW' as const, container_path: 'data', host_path: '/srv' }];
  const { sandbox, process } = planned({ container: { type: 'MESOS', volumes } });
  assert.deepEqual(process?.spec.mounts, [
    { kind: 'bind', hostPath: '/srv', containerPath: `${sandbox}/data`, readOnly: false },
  ]);
});

test('the user is the command’s, or else the framework’s, where the agent may switch', () => {
  assert.equal(planned({}).process?.spec.user, 'daemon');
  assert.equal(planned({ command: { value: 'true', user: 'nobody' } }).process?.spec.user, 'nobody');
  assert.equal(planned({ command: { value: 'true', user: 'nobody' } }, false).process?.spec.user, undefined);
});

test('what asks for an image is no process', () => {
  assert.equal(planned({ container: { type: 'DOCKER', docker: { image: 'x' } } }).process, undefined);
  const image = { type: 'DOCKER' as const, docker: { name: 'x' } };
  assert.equal(planned({ container: { type: 'MESOS', mesos: { image } } }).process, undefined);
  assert.match(noContainerizer({ containerizers: 'process' }), /^None of the enabled containerizers \(process\) could/);
});
