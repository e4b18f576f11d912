import type { FastifyInstance, FastifyReply } from 'fastify';
import { decodeJson } from '../../protocol/json-codec.ts';
import type { MachineID } from '../../protocol/messages.ts';
import { embed } from '../../protocol/v0-json.ts';
import { sendDocument } from '../../runtime/document-reply.ts';
import { refuse } from '../../runtime/refusals.ts';
import { maintenanceStatus, startMaintenance, stopMaintenance, updateSchedule } from '../commands/maintenance.ts';
import type { Effect } from '../effects.ts';
import type { Performer } from '../performer.ts';
import { bodyOf, readList } from './json-list.ts';

/** `/maintenance/schedule`, `/maintenance/status`, `/machine/down` and `/machine/up`, as operators' scripts call them. */
export function maintenanceRoutes(server: FastifyInstance, performer: Performer): void {
  const { state, clock } = performer;

  server.all('/maintenance/schedule', (request, reply) => {
    if (request.method === 'GET')
      return sendDocument(request, reply, embed('MaintenanceSchedule', state.maintenance.schedule));
    if (request.method !== 'POST') return refuse.method(reply, request.method, ['GET', 'POST']);
    const decoded = decodeJson('MaintenanceSchedule', bodyOf(request));
    if (!decoded.ok) return refuse.badRequest(reply, decoded.error);
    return answer(reply, performer, updateSchedule(state, decoded.value, clock.now()));
  });

  server.all('/maintenance/status', (request, reply) => {
    if (request.method !== 'GET') return refuse.method(reply, request.method, ['GET']);
    return sendDocument(request, reply, embed('MaintenanceClusterStatus', maintenanceStatus(state)));
  });

  for (const [path, change] of [
    ['/machine/down', (machines: MachineID[]) => startMaintenance(state, machines, clock.now())],
    ['/machine/up', (machines: MachineID[]) => stopMaintenance(state, machines)],
  ] as const) {
    server.all(path, (request, reply) => {
      if (request.method !== 'POST') return refuse.method(reply, request.method, ['POST']);
      const machines = readList('MachineID', bodyOf(request));
      if ('error' in machines) return refuse.badRequest(reply, machines.error);
      return answer(reply, performer, change(machines.value));
    });
  }
}

function answer(
  reply: FastifyReply,
  performer: Performer,
  outcome: { refusal: string } | { effects: Effect[] },
): FastifyReply {
  if ('refusal' in outcome) return refuse.badRequest(reply, outcome.refusal);
  performer.perform(outcome.effects);
  return reply.code(200).header('content-length', '0').send();
}
