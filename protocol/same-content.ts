/** A text that two values have in common exactly if they have the same content: absent members do not count, nor does their order. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${key}:${canonicalText(member)}`)
    .join()}}`;
}

/** Whether two messages say the same: whether they have the same canonical text. */
export function sameContent(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (!isObject(left) || !isObject(right)) return !isObject(left) && !isObject(right) && sameValue(left, right);
  if (Array.isArray(left)) return Array.isArray(right) && sameElements(left, right);
  if (Array.isArray(right)) return false;
  for (const key in left) if (!sameContent(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

function sameElements(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((element, index) => sameContent(element, right[index]));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function sameValue(left: unknown, right: unknown): boolean {
  const isText = typeof left === 'string' || typeof right === 'string';
  const isAbsent = left === undefined || right === undefined;
  return !isText && !isAbsent && String(left) === String(right);
}
