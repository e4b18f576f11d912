import type { FastifyInstance } from 'fastify';
import { parseResources } from '../../protocol/resource-text.ts';
import { refuse } from '../../runtime/refusals.ts';
import type { Performer } from '../performer.ts';
import { amountsOf } from '../why/amounts.ts';
import type { Amounts } from '../why/answer.ts';
import { findSubject, type SubjectKind } from '../why/subject.ts';
import { why } from '../why/why.ts';

const kinds: readonly SubjectKind[] = ['task', 'framework', 'role'];
const parameters = new Set<string>([...kinds, 'subject', 'resources']);

interface Asked {
  given: string;
  kinds: readonly SubjectKind[];
  resources: Amounts | undefined;
}

/**
 * `GET /mesita/v1/why?task=…|framework=…|role=…` (or `subject=`, any of them): why it has not got what it waits for, as JSON
 * (why/answer.ts). With `resources=cpus:2;mem:1024` a framework is judged by that. 404 when there is none of that id, name
 * or prefix; 400 when there are several, or the query cannot be read.
 */
export function whyRoute(server: FastifyInstance, { state, clock }: Performer): void {
  server.get('/mesita/v1/why', (request, reply) => {
    const asked = parse(request.query as Record<string, string | string[]>);
    if ('error' in asked) return refuse.badRequest(reply, asked.error);
    const found = findSubject(state, asked.given, asked.kinds);
    if ('unknown' in found) return refuse.notFound(reply, found.unknown);
    if ('ambiguous' in found) return refuse.badRequest(reply, found.ambiguous);
    return reply.send(why(state, found.subject, asked.resources, clock.now()));
  });
}

function parse(query: Record<string, string | string[]>): Asked | { error: string } {
  const strange = Object.keys(query).find((name) => !parameters.has(name));
  if (strange !== undefined) return { error: `Unknown parameter '${strange}'` };
  const subjects = Object.entries(query).filter(([name]) => name !== 'resources');
  const [name, given] = subjects[0] ?? [];
  if (subjects.length !== 1 || typeof given !== 'string' || given === '')
    return { error: 'Expecting exactly one of task=, framework=, role= and subject=, with an id or a name' };
  const resources = query.resources === undefined ? undefined : parseAmounts([query.resources].flat());
  if (typeof resources === 'string') return { error: resources };
  return { given, kinds: kinds.filter((kind) => name === 'subject' || kind === name), resources };
}

function parseAmounts([text = '', ...more]: string[]): Amounts | string {
  const parsed = parseResources(text, '*');
  if ('error' in parsed) return `Cannot read resources=${text}: ${parsed.error}`;
  const isScalar = more.length === 0 && parsed.value.length > 0 && parsed.value.every(({ type }) => type === 'SCALAR');
  return isScalar ? amountsOf(parsed.value) : `Cannot read resources=${text}: expecting amounts, as in cpus:2;mem:1024`;
}
