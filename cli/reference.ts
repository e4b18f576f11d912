import { agentFlags } from '../agent/flags.ts';
import { executorFlags } from '../executor/flags.ts';
import { masterFlags } from '../master/flags.ts';
import { errorCatalogue } from '../protocol/error-codes.ts';
import type { FlagTable } from '../runtime/flags.ts';

/** docs/flags.md, from the tables that also parse the command line. */
export function flagsPage(): string {
  return `# Flags of the daemons

Made from the flag tables by \`npm run generate\`; a test compares.

Each flag is \`--name=value\` (dashes are taken for underscores), \`--name\` and \`--no-name\` where it is true or false, or the
environment variable \`MESITA_NAME\`; those that Mesos has too also listen to \`MESOS_NAME\`. The command line wins, then \`MESITA_…\`.
A value \`file:///path\` stands for the content of that file. Durations are written \`100ms\`, \`15secs\`, \`2mins\`, \`1hrs\`.

## mesita master

${flagRows(masterFlags)}

## mesita agent

${flagRows(agentFlags)}

## mesita-executor

${flagRows(executorFlags)}
`;
}

function flagRows(table: FlagTable): string {
  const rows = Object.entries(table).map(([name, flag]) => {
    const usage = flag.form === '' ? `--[no-]${name}` : `--${name}=${flag.form}`;
    const fallback = flag.required === true ? 'required' : flag.default === undefined ? '' : `\`${flag.default}\``;
    return `| \`${usage}\` | ${fallback} | ${flag.mesos ? 'yes' : ''} | ${flag.help} |`;
  });
  return ['| flag | default | in Mesos | what it does |', '|---|---|---|---|', ...rows].join('\n');
}

/** docs/errors.md, from the catalogue. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { meaning, retryable, remedy }]) => `| \`${code}\` | ${meaning} | ${retryable ? 'yes' : ''} | ${remedy} |`,
  );
  return `# Errors

Made from the catalogue by \`npm run generate\`; a test compares. The codes are stable: programs may rely on them. *Again* says whether
the same call may succeed later as it is. Commands print the code behind the message and exit with 1, or with 2 when
the command line itself is at fault; \`mesita run\` exits with the exit code of its task.

| code | meaning | again | what to do |
|---|---|---|---|
${rows.join('\n')}
`;
}
