import { type Command, InvalidArgumentError } from 'commander';
import { MesitaError } from '../../protocol/errors.ts';
import type { ValueScalar } from '../../protocol/messages.ts';
import { parseResources } from '../../protocol/resource-text.ts';
import { renderTable } from '../format/table.ts';
import { masterOption, outputOption, withClient } from '../master-option.ts';

type Scalars = Record<string, ValueScalar>;

interface QuotaOptions {
  master: string;
  output: string;
  guarantee?: Scalars;
  limit?: Scalars;
  force?: true;
  remove?: true;
}

interface RoleEntry {
  name: string;
  quota: { guarantee: Record<string, number>; limit: Record<string, number>; consumed: Record<string, number> };
}

export function registerQuota(program: Command): void {
  program
    .command('quota')
    .description('show what is guaranteed to roles and what they are limited to, or set it for one role')
    .argument('[role]', 'a role of the top level; its quota holds for all roles below it, too')
    .option('--guarantee <resources>', "e.g. 'cpus:2;mem:512'; without it nothing is guaranteed", scalars)
    .option('--limit <resources>', 'as --guarantee; what it does not name is not limited', scalars)
    .option('--force', 'also where the cluster has too little, or the role has more already')
    .option('--remove', 'take all quota from the role')
    .addOption(masterOption())
    .addOption(outputOption())
    .action((role: string | undefined, options: QuotaOptions) =>
      withClient(options.master, async (client) => {
        const { guarantee = {}, limit = {}, force, remove } = options;
        const isSet = options.guarantee !== undefined || options.limit !== undefined;
        if (!isSet && !remove) {
          const { roles } = await client.document<{ roles: RoleEntry[] }>('/roles');
          process.stdout.write(shown(roles.filter(isOfInterest(role)), options.output));
          return;
        }
        if (role === undefined || (isSet && remove))
          throw new MesitaError('MESITA_FLAG_INVALID', {
            message: 'Name the role, and either what it has or --remove.',
          });
        const quota_configs = [{ role, guarantees: guarantee, limits: limit }];
        const call = remove
          ? { type: 'REMOVE_QUOTA', remove_quota: { role } }
          : { type: 'UPDATE_QUOTA', update_quota: { force: force ?? false, quota_configs } };
        await client.post('/api/v1', call);
      }),
    );
}

function isOfInterest(role: string | undefined): (entry: RoleEntry) => boolean {
  return ({ name, quota }) =>
    role === undefined ? Object.keys({ ...quota.guarantee, ...quota.limit }).length > 0 : name === role;
}

function shown(roles: RoleEntry[], output: string): string {
  if (output === 'json')
    return `${JSON.stringify(
      roles.map(({ quota }) => quota),
      undefined,
      2,
    )}\n`;
  const rows = roles.map(({ name, quota }) => [name, text(quota.guarantee), text(quota.limit), text(quota.consumed)]);
  return renderTable(['ROLE', 'GUARANTEE', 'LIMIT', 'CONSUMED'], rows);
}

function text(amounts: Record<string, number>): string {
  const parts = Object.entries(amounts).map(([name, amount]) => `${name}:${amount}`);
  return parts.length === 0 ? '-' : parts.join(';');
}

function scalars(given: string): Scalars {
  const parsed = parseResources(given, '*');
  if ('error' in parsed) throw new InvalidArgumentError(`Expected resources such as cpus:2;mem:512: ${parsed.error}`);
  return Object.fromEntries(
    parsed.value.map(({ name, scalar }) => {
      if (scalar === undefined) throw new InvalidArgumentError(`Quota is of amounts, and ${name} is none.`);
      return [name, scalar];
    }),
  );
}
