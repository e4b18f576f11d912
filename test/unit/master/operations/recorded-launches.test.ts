import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeJson } from '../../../../protocol/json-codec.ts';
import type { FrameworkInfo, OfferOperation, TaskStatus } from '../../../../protocol/messages.ts';
import { MasterWorld, messagesIn, statusesIn } from '../../../support/master-world.ts';

interface Session {
  framework: FrameworkInfo;
  exchanges: { operations: unknown[]; statuses: TaskStatus[] }[];
}

/** What a real master made of odd and invalid tasks; `AGENT` and `FRAMEWORK` stand for the ids. */
const sessions = readFileSync(join(import.meta.dirname, 'recorded-launches.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) =>
    line.replaceAll('AGENT', 'M-S0').replaceAll('"FRAMEWORK"', '"M-0000"').replaceAll(' FRAMEWORK)', ' M-0000)'),
  )
  .map((line) => JSON.parse(line) as Session);

for (const { framework, exchanges } of sessions) {
  const names = (framework.capabilities ?? []).map(({ type }) => type).join(', ') || 'no capability';
  test(`tasks are refused as a real master does, in its words and order, with ${names}`, () => {
    for (const { operations, statuses } of exchanges) {
      const world = new MasterWorld();
      world.agent('cpus:2;mem:2048;disk:10000;ports:[31000-31099]');
      const subscription = world.subscription(framework);
      if ('refusal' in subscription) throw new Error(subscription.refusal);
      world.did(subscription.after);
      const id = subscription.framework;
      const offer = world.offer(id);
      const effects = world.call(id, {
        type: 'ACCEPT',
        accept: { offer_ids: [offer.id], operations: operations.map(decoded) },
      });
      const answered = statusesIn(effects).map(({ timestamp: _timestamp, ...status }) => status);
      assert.deepEqual(answered, statuses);
      const launched = messagesIn(effects).flatMap((message) =>
        message.type === 'RUN_TASK' ? [message.task.task_id.value] : [],
      );
      const refused = new Set(statuses.map(({ task_id }) => task_id.value));
      const expected = operations
        .flatMap((operation) => decoded(operation).launch?.task_infos ?? [])
        .map(({ task_id }) => task_id.value)
        .filter((task) => !refused.has(task));
      assert.deepEqual(launched, expected);
    }
  });
}

function decoded(operation: unknown): OfferOperation {
  const result = decodeJson('OfferOperation', structuredClone(operation));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
