import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TaskInfo, TaskStatus } from '../../../../protocol/messages.ts';
import { AgentRoom, dockerTask, framework, image } from '../../../support/agent-room.ts';
import { settle, until } from '../../../support/virtual-clock.ts';

interface Recorded {
  task: Partial<TaskInfo>;
  updates: Partial<TaskStatus>[];
}

/** Tasks with checks, and what a real master told of them. */
const recorded: Record<string, Recorded> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'recorded-checks.json'), 'utf8'),
);

/** What the commands of the recorded checks end with, attempt by attempt. */
const exitCodes: Record<string, (attempt: number) => number> = {
  true: () => 0,
  false: () => 1,
  'exit 0': () => 0,
  'exit 1': () => 1,
  'echo hc': () => 0,
};

/** The members that were compared; the message of a limit that was reached is our own. */
function comparable({ state, source, reason, healthy, check_status, message }: Partial<TaskStatus>): unknown {
  const own = reason === 'REASON_MAX_COMPLETION_TIME_REACHED' || message === undefined ? {} : { message };
  return JSON.parse(JSON.stringify({ state, source, reason, healthy, check_status, ...own }));
}

for (const [name, { task, updates }] of Object.entries(recorded)) {
  test(`the updates of ${name} are those that were recorded`, async (t) => {
    const server = createServer((request, reply) => {
      reply.writeHead(request.url === '/health' ? 200 : 404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    let attempts = 0;
    const room = await AgentRoom.open({
      program: () => ({ ignoresTerm: task.container?.type === 'DOCKER' }),
      exec: (_spec, command) => {
        attempts++;
        const script = command.at(-1) ?? '';
        const exitCode = exitCodes[script]?.(attempts) ?? (name === 'check' ? attempts % 3 : attempts % 2);
        return { exitCode, output: '' };
      },
    });
    t.after(() => room.close());
    room.run(dockerTask('t', localized(task, port)), {
      ...framework,
      capabilities: name.includes('without') ? [] : [{ type: 'TASK_KILLING_STATE' }],
    });
    const seen: TaskStatus[] = [];
    const last = updates.at(-1);
    const byItself = last?.state === 'TASK_FINISHED';
    await until(`${updates.length} updates`, () => {
      for (const status of room.statuses()) {
        seen.push(status);
        room.acknowledge(status);
      }
      room.clock.advance(50);
      if (byItself && seen.length === updates.length - 1) {
        const { containerName } = room.task('t');
        if (room.engine.container(containerName)?.state === 'running') room.engine.exit(containerName, 0);
      }
      return seen.length >= updates.length;
    });
    await settle();
    assert.deepEqual(seen.concat(room.statuses()).map(comparable), updates.map(comparable));
  });
}

/** In the recording's place: our image, and a port of this test. */
function localized(task: Partial<TaskInfo>, port: number): Partial<TaskInfo> {
  const text = JSON.stringify(task)
    .replaceAll('"bb:1"', JSON.stringify(image))
    .replaceAll(/"port":\s*\d+/g, `"port":${port}`);
  const { container, ...rest } = JSON.parse(text) as Partial<TaskInfo>;
  return { ...rest, container: container as NonNullable<TaskInfo['container']> };
}
