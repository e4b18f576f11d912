import { type Command, Option } from 'commander';
import type { Answer } from '../../master/why/answer.ts';
import { masterOption, withClient } from '../master-option.ts';
import { whyText } from '../why/why-text.ts';

interface WhyOptions {
  master: string;
  kind?: string;
  resources?: string;
  json?: true;
}

export function registerWhy(program: Command): void {
  program
    .command('why')
    .description(
      'say why a task, a framework or a role has not got what it waits for, who holds it, and what would help',
    )
    .argument('<task|framework|role>', 'an id, a name, or how an id begins or ends')
    .addOption(
      new Option('--kind <kind>', 'what it is, where a name stands for several').choices(['task', 'framework', 'role']),
    )
    .option('--resources <resources>', "judge a framework by what it would need, e.g. 'cpus:2;mem:512'")
    .option('--json', 'for programs')
    .addOption(masterOption())
    .action((given: string, options: WhyOptions) =>
      withClient(options.master, async (client) => {
        const { kind = 'subject', resources, json } = options;
        const query = new URLSearchParams({ [kind]: given, ...(resources === undefined ? {} : { resources }) });
        const answer = await client.document<Answer>(`/mesita/v1/why?${query}`);
        process.stdout.write(json ? `${JSON.stringify(answer, undefined, 2)}\n` : whyText(answer));
      }),
    );
}
