/** Why a string cannot be a role; undefined when it can. Source: Mesos' role validation, texts as its master words them. */
export function invalidRole(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role === '') return 'Role names cannot be the empty string';
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`;
  if (role.includes('//')) return `Role '${role}' cannot contain two adjacent slashes`;
  for (const component of role.split('/')) {
    if (component === '.' || component === '..' || component === '*') {
      return `Role '${role}' cannot include '${component}' as a component`;
    }
    if (component.startsWith('-')) return `Role component '${component}' is invalid because it starts with a dash`;
    if (hasWhitespace(component)) {
      return `Role component '${component}' is invalid because it contains backspace or whitespace`;
    }
  }
  return undefined;
}

const forbidden = new Set(['\t', '\n', '\v', '\f', '\r', ' ', '\x7f']);

function hasWhitespace(component: string): boolean {
  for (const character of component) if (forbidden.has(character)) return true;
  return false;
}
