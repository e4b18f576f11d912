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

/** Whether two messages say the same. */
export function sameContent(left: unknown, right: unknown): boolean {
  return canonicalText(left) === canonicalText(right);
}
