import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { operatorRoute } from '../../../agent/http/operator-route.ts';
import { NestedContainers } from '../../../agent/nested/nested-containers.ts';
import type { Operated } from '../../../agent/operator/calls.ts';
import { emptyState } from '../../../agent/state.ts';
import { encodeProtobuf } from '../../../protocol/protobuf-codec.ts';
import { createHttpServer } from '../../../runtime/http-server.ts';
import { silentLog } from '../../../runtime/log.ts';
import { bytesOf, type Exchange, isExchange, readRecording } from '../../conformance/recording.ts';

/** Requests to the recorded agent's operator API. */
const exchanges = ['a_errors', 'a_errors_b'].flatMap((file) =>
  readRecording(file)
    .filter(isExchange)
    .filter(({ request }) => request.target.endsWith(':6051') && request.path === '/api/v1'),
);

/** Resource providers are not there yet: 501, where Mesos goes on to look for them. */
const notYet = /PROVIDER_CONFIG\b.*(unknown|with )|REMOVE_RESOURCE_PROVIDER_CONFIG$/;
/** 500 in Mesos, for what the client did wrong. */
const clearer = /recordio garbage|gzip content-encoding claimed/;

function headersOf({ request }: Exchange): Record<string, string> {
  return Object.fromEntries(
    request.headers.filter(([name]) => !/^(host|content-length|transfer-encoding|connection)$/i.test(name)),
  );
}

describe('POST /api/v1 of an agent', () => {
  let server: FastifyInstance;
  const levels: [number, number][] = [];
  before(() => {
    server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: 1e6 });
    const address = { hostname: 'localhost', ip: '127.0.0.1', port: 6051 };
    const info = { hostname: 'localhost', port: 6051 };
    const identity = { id: 'S', registered: true, info, address, startedAt: 0, master: 'm:1', flags: { a: 'b' } };
    const missing = { problem: { kind: 'missing' } } as const;
    const state = emptyState(
      { killGrace: 5, executorShutdownGrace: 5, executorRegistrationTimeout: 60, executorReregistrationTimeout: 2 },
      [],
    );
    const operated: Operated = {
      state,
      nested: new NestedContainers(state, {}),
      identity: () => identity,
      statistics: { measure: async () => [] },
      metrics: () => ({ 'slave/uptime_secs': 1.5 }),
      files: { list: async () => missing, read: async () => missing },
      loggingLevel: { level: 0, set: (level, seconds) => void levels.push([level, seconds]) },
    };
    operatorRoute(server, operated);
  });
  after(() => server.close());

  test('refuses what a real agent refused, in its words', async () => {
    assert.ok(exchanges.length > 100);
    const different: string[] = [];
    for (const exchange of exchanges) {
      if (clearer.test(exchange.name)) continue;
      const answer = await server.inject({
        method: exchange.request.method as 'POST',
        url: exchange.request.path,
        headers: headersOf(exchange),
        payload: bytesOf(exchange.request.body),
      });
      const { status } = exchange.response;
      const body = bytesOf(exchange.response.body).toString();
      const expected = notYet.test(exchange.name) ? 501 : status;
      const own = answer.statusCode >= 400 && answer.statusCode !== 501 ? answer.body : body;
      if (answer.statusCode === expected && own === body) continue;
      different.push(`${exchange.name}: ${answer.statusCode} ${answer.body}, recorded ${status} ${body}`);
    }
    assert.deepEqual(different, []);
  });

  test('answers in protobuf what it answers in JSON', async () => {
    const type = 'application/x-protobuf';
    const payload = Buffer.from(encodeProtobuf('AgentCall', { type: 'GET_HEALTH' }));
    const headers = { 'content-type': type, accept: type };
    const answer = await server.inject({ method: 'POST', url: '/slave(1)/api/v1', headers, payload });
    const expected = encodeProtobuf('AgentResponse', { type: 'GET_HEALTH', get_health: { healthy: true } });
    assert.deepEqual([answer.statusCode, answer.headers['content-type']], [200, type]);
    assert.deepEqual(answer.rawPayload, Buffer.from(expected));
  });

  test('sets the logging level for a while', async () => {
    const call = { type: 'SET_LOGGING_LEVEL', set_logging_level: { level: 1, duration: { nanoseconds: 2e9 } } };
    const headers = { 'content-type': 'application/json' };
    const answer = await server.inject({ method: 'POST', url: '/api/v1', headers, payload: call });
    assert.deepEqual([answer.statusCode, answer.body, answer.headers['content-length']], [200, '', '0']);
    assert.deepEqual(levels, [[1, 2]]);
  });
});
