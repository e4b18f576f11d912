import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseWhileRecovering } from '../../../agent/http/recovery-refusal.ts';
import { createHttpServer } from '../../../runtime/http-server.ts';
import { silentLog } from '../../../runtime/log.ts';

test('an agent that does not know its tasks yet tells nothing of tasks, and of itself what it always does', async (t) => {
  const server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: 1e6 });
  t.after(() => server.close());
  let isRecovered = false;
  refuseWhileRecovering(server, () => isRecovered);
  const paths = ['/state', '/containers', '/monitor/statistics', '/api/v1', '/api/v1/executor'];
  const local = ['/health', '/flags', '/version', '/metrics/snapshot', '/files/read', '/logging/toggle'];
  for (const path of [...paths, ...local]) server.all(path, () => 'told');
  await server.ready();
  const answers = async (targets: string[]) => {
    const found = await Promise.all(targets.map((url) => server.inject({ method: 'POST', url })));
    return found.map(({ statusCode, body }) => `${statusCode} ${body}`);
  };
  assert.deepEqual([...new Set(await answers(paths))], ['503 Agent has not finished recovery']);
  assert.deepEqual([...new Set(await answers(local))], ['200 told']);
  assert.deepEqual(
    [...new Set(await answers(['/slave(1)/state', '/state?jsonp=f']))],
    ['503 Agent has not finished recovery'],
  );
  assert.equal((await server.inject('/nothing')).statusCode, 404);
  isRecovered = true;
  assert.deepEqual([...new Set(await answers([...paths, ...local]))], ['200 told']);
});
