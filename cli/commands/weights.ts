import { type Command, InvalidArgumentError } from 'commander';
import type { WeightInfo } from '../../protocol/messages.ts';
import { renderTable } from '../format/table.ts';
import { masterOption, outputOption, withClient } from '../master-option.ts';

export function registerWeights(program: Command): void {
  program
    .command('weights')
    .description('show the weights of roles, or set them: a role of weight 2 gets twice the share of one of weight 1')
    .argument('[role=weight...]', 'weights to set', (text: string, before: WeightInfo[] = []) => [
      ...before,
      read(text),
    ])
    .addOption(masterOption())
    .addOption(outputOption())
    .action((infos: WeightInfo[], { master, output }: { master: string; output: string }) =>
      withClient(master, async (client) => {
        if (infos.length > 0) {
          await client.post('/api/v1', { type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: infos } });
          return;
        }
        const weights = await client.document<{ role: string; weight: number }[]>('/weights');
        const rows = weights.map(({ role, weight }) => [role, String(weight)]);
        process.stdout.write(
          output === 'json'
            ? `${JSON.stringify(weights, undefined, 2)}\n`
            : renderTable(['ROLE', 'WEIGHT'], rows, ['WEIGHT']),
        );
      }),
    );
}

function read(text: string): WeightInfo {
  const at = text.lastIndexOf('=');
  const weight = Number(text.slice(at + 1));
  if (at < 1 || text.slice(at + 1) === '' || !Number.isFinite(weight))
    throw new InvalidArgumentError('Expected role=weight.');
  return { role: text.slice(0, at), weight };
}
