import { decodeJson } from './json-codec.ts';
import type { Attribute, Resource, ResourceDiskInfo, ResourceReservationInfo, Value, ValueRange } from './messages.ts';
import { type Resources, rangesOf, scalarOf, toFixedPoint, toPostRefinement } from './resources.ts';

/**
 * Reads `cpus:4;mem:2048;ports:[31000-32000];disk(role):100` (Mesos' `--resources`), or a JSON array of Resource.
 * The list is not yet normalised. Source: Mesos' resource text format.
 */
export function parseResources(text: string, defaultRole: string): { value: Resource[] } | { error: string } {
  if (text.trim().startsWith('[')) return parseJsonResources(text);
  const resources: Resource[] = [];
  for (const part of text.split(';').filter((piece) => piece.trim() !== '')) {
    const colon = part.indexOf(':');
    const match = /^([^()\s]+)(?:\(([^()\s]+)\))?$/.exec(part.slice(0, colon).trim());
    if (colon === -1 || match === null)
      return { error: `expected name:value or name(role):value, found '${part.trim()}'` };
    const value = parseValue(part.slice(colon + 1));
    if ('error' in value) return { error: `${part.trim()}: ${value.error}` };
    if (value.value.type === 'TEXT') return { error: `${part.trim()}: a resource is a number, [ranges] or {set}` };
    resources.push({ name: match[1] ?? '', ...value.value, role: match[2] ?? defaultRole } as Resource);
  }
  return { value: resources };
}

/** Reads `rack:r1;level:3;ports:[1-5]` (Mesos' `--attributes`). */
export function parseAttributes(text: string): { value: Attribute[] } | { error: string } {
  const attributes: Attribute[] = [];
  for (const part of text.split(';').filter((piece) => piece.trim() !== '')) {
    const colon = part.indexOf(':');
    if (colon < 1) return { error: `expected name:value, found '${part.trim()}'` };
    const value = parseValue(part.slice(colon + 1));
    if ('error' in value) return { error: `${part.trim()}: ${value.error}` };
    if (value.value.type === 'SET') return { error: `${part.trim()}: sets are not allowed in attributes` };
    attributes.push({ name: part.slice(0, colon).trim(), ...value.value } as Attribute);
  }
  return { value: attributes };
}

/** A value by its looks: `[a-b,c-d]`, `{x,y}`, a finite number that is not negative, else text. */
function parseValue(raw: string): { value: Value } | { error: string } {
  const text = raw.replaceAll(/\s/g, '');
  if (text.startsWith('[')) return parseRanges(text);
  if (text.startsWith('{')) {
    if (!text.endsWith('}')) return { error: 'a set ends with }' };
    return {
      value: {
        type: 'SET',
        set: {
          item: text
            .slice(1, -1)
            .split(',')
            .filter((item) => item !== ''),
        },
      },
    };
  }
  if (/^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))) {
    return { value: { type: 'SCALAR', scalar: { value: toFixedPoint(Number(text)) / 1000 } } };
  }
  return text === '' ? { error: 'the value is missing' } : { value: { type: 'TEXT', text: { value: raw.trim() } } };
}

function parseRanges(text: string): { value: Value } | { error: string } {
  if (!text.endsWith(']')) return { error: 'ranges end with ]' };
  const range: ValueRange[] = [];
  for (const piece of text
    .slice(1, -1)
    .split(',')
    .filter((part) => part !== '')) {
    const match = /^(\d+)-(\d+)$/.exec(piece);
    if (match === null) return { error: `expected first-last, found '${piece}'` };
    const [begin, end] = [Number(match[1]), Number(match[2])];
    if (begin > end) return { error: `the range ${piece} begins after its end` };
    range.push({ begin, end });
  }
  return { value: { type: 'RANGES', ranges: { range } } };
}

function parseJsonResources(text: string): { value: Resource[] } | { error: string } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed)) return { error: 'expected a JSON array of resources' };
    const resources: Resource[] = [];
    for (const [index, element] of parsed.entries()) {
      const decoded = decodeJson('Resource', element);
      if (!decoded.ok) return { error: `resource ${index}: ${decoded.error}` };
      resources.push(decoded.value);
    }
    return { value: resources };
  } catch {
    return { error: 'expected name:value;… or a JSON array of resources' };
  }
}

/** One resource as Mesos prints it in messages: `cpus(allocated: role):0.5`, `disk(reservations: [(DYNAMIC,role)])[id:path]:64`. */
export function formatResource(resource: Resource, allocationRole?: string): string {
  const { reservations = [] } = toPostRefinement(resource);
  const notes = [
    ...(allocationRole === undefined ? [] : [`(allocated: ${allocationRole})`]),
    ...(reservations.length === 0 ? [] : [`(reservations: [${reservations.map(formatReservation).join()}])`]),
    ...(resource.disk === undefined ? [] : [`[${formatDisk(resource.disk)}]`]),
    ...(resource.revocable === undefined ? [] : ['{REV}']),
    ...(resource.shared === undefined ? [] : ['<SHARED>']),
  ];
  return `${resource.name}${notes.join('')}:${formatValue(resource)}`;
}

function formatReservation({ type, role, principal, labels }: ResourceReservationInfo): string {
  const pairs = (labels?.labels ?? []).map(({ key, value }) => (value === undefined ? key : `${key}: ${value}`));
  const parts = [type, role, ...(principal === undefined ? [] : [principal])];
  return `(${[...parts, ...(pairs.length === 0 ? [] : [`{${pairs.join(', ')}}`])].join()})`;
}

function formatDisk({ source, persistence, volume }: ResourceDiskInfo): string {
  const place = source?.path?.root ?? source?.mount?.root ?? source?.id;
  const from = source === undefined ? [] : [place === undefined ? source.type : `${source.type}:${place}`];
  const parts = [...from, ...(persistence === undefined ? [] : [persistence.id])].join();
  return volume === undefined ? parts : `${parts}:${volume.container_path}`;
}

export function formatResources(resources: Resources, allocationRole?: string): string {
  return resources.length === 0
    ? '{}'
    : resources.map((resource) => formatResource(resource, allocationRole)).join('; ');
}

/** `0.5`, `[31000-31005, 31010-31010]`, `{a, b}`. */
export function formatValue(value: Pick<Value, 'type' | 'scalar' | 'ranges' | 'set' | 'text'>): string {
  if (value.type === 'SCALAR') return String(toFixedPoint(value.scalar?.value ?? 0) / 1000);
  if (value.type === 'RANGES') return formatRanges(value.ranges?.range ?? []);
  if (value.type === 'SET') return `{${(value.set?.item ?? []).join(', ')}}`;
  return value.text?.value ?? '';
}

export function formatRanges(ranges: readonly ValueRange[]): string {
  return `[${ranges.map((range) => `${range.begin}-${range.end}`).join(', ')}]`;
}

/** The summary object of the unversioned endpoints: always disk, mem, gpus and cpus, then whatever else there is. */
export function summarize(resources: Resources): Record<string, number | string> {
  const summary: Record<string, number | string> = {};
  for (const name of ['disk', 'mem', 'gpus', 'cpus']) summary[name] = 0;
  for (const resource of resources) {
    const name = resource.revocable === undefined ? resource.name : `${resource.name}_revocable`;
    if (resource.type === 'SCALAR') {
      summary[name] = toFixedPoint(Number(summary[name] ?? 0) + (resource.scalar?.value ?? 0)) / 1000;
    } else if (resource.type === 'RANGES') {
      summary[name] = formatRanges(rangesOf(resources, resource.name));
    } else {
      summary[name] = formatValue(resource);
    }
  }
  return summary;
}

/** `2 cpus, 1024 MB`, for people. */
export function describeAmounts(resources: Resources): string {
  const [cpus, mem] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem')];
  return `${cpus} cpus, ${mem} MB`;
}
