import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The engine's own client; what it prints, without the last line's end. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', args);
  return stdout.trimEnd();
}

/** Names of the containers that agents made whose work directories are below `directory`. */
export async function containersBelow(directory: string): Promise<string[]> {
  const format = '{{.Names}}\t{{.Label "org.mesita.work_dir"}}';
  const listed = await docker('ps', '-a', '--filter', 'label=org.mesita.work_dir', '--format', format);
  return listed.split('\n').flatMap((line) => {
    const [name = '', workDirectory = ''] = line.split('\t');
    return workDirectory.startsWith(`${directory}/`) ? [name] : [];
  });
}

/** Names of the running containers that have all of the labels, e.g. `org.mesita.task=t`. */
export async function runningContainers(...labels: string[]): Promise<string[]> {
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const listed = await docker('ps', ...filters, '--format', '{{.Names}}');
  return listed.split('\n').filter((name) => name !== '');
}
