import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TaskStatus } from '../../../../protocol/messages.ts';
import { AgentRoom, framework } from '../../../support/agent-room.ts';
import { onNetwork, podInfo, podTask } from '../../../support/pod-messages.ts';
import { until } from '../../../support/virtual-clock.ts';

const soon = { delay_seconds: 0, interval_seconds: 1, grace_period_seconds: 0, consecutive_failures: 2 };

/** Acknowledges what comes until it is so; `id state healthy` of all of it. */
async function told(room: AgentRoom, what: string, holds: (said: readonly string[]) => boolean): Promise<string[]> {
  const said: string[] = [];
  await until(what, () => {
    for (const status of room.statuses()) {
      said.push(line(status));
      room.acknowledge(status);
    }
    room.clock.advance(100);
    return holds(said);
  });
  return said;
}

function line({ task_id, state, healthy }: TaskStatus): string {
  return [task_id.value, state, ...(healthy === undefined ? [] : [healthy])].join(' ');
}

test('a task of a pod that fails its health check is killed, and with it its group', async (t) => {
  const room = await AgentRoom.open({ exec: () => ({ exitCode: 1, output: '' }) });
  t.after(() => room.close());
  const sick = podTask('sick', { health_check: { type: 'COMMAND', command: { value: 'false' }, ...soon } });
  room.performer.receive({
    type: 'RUN_TASK_GROUP',
    framework,
    executor: podInfo('p'),
    tasks: [sick, podTask('mate')],
  });
  const said = await told(room, 'both are killed', (all) => all.includes('mate TASK_KILLED'));
  assert.deepEqual(
    said.filter((one) => one.startsWith('sick')),
    [
      'sick TASK_STARTING',
      'sick TASK_RUNNING',
      'sick TASK_RUNNING false',
      'sick TASK_RUNNING false',
      'sick TASK_KILLED false',
    ],
  );
});

test('a check of a task of a pod asks by the address of the container that holds the network', async (t) => {
  const server = createServer((_request, reply) => reply.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const room = await AgentRoom.open();
  t.after(() => room.close());
  const addresses = room.engine.addresses.bind(room.engine);
  const asked = new Set<string>();
  room.engine.addresses = async (name) => {
    asked.add(name);
    await addresses(name).catch(() => []);
    return [{ network: 'bridge', protocol: 'IPv4', address: '127.0.0.1' }];
  };
  const health_check = { type: 'HTTP', http: { port }, ...soon } as const;
  room.performer.receive({
    type: 'RUN_TASK_GROUP',
    framework,
    executor: podInfo('p', onNetwork('bridge')),
    tasks: [podTask('web', { health_check })],
  });
  await told(room, 'it is healthy', (all) => all.includes('web TASK_RUNNING true'));
  assert.deepEqual([...asked], [room.executor('p').containerName]);
});
