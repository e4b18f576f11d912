import { readFile } from 'node:fs/promises';

/** Names of users and groups by their numbers, from the machine's own tables; a number without a name is shown as it is. */
export class AccountNames {
  readonly #tables = new Map<string, Promise<Map<number, string>>>();

  user(id: number): Promise<string> {
    return this.#name('/etc/passwd', id);
  }

  group(id: number): Promise<string> {
    return this.#name('/etc/group', id);
  }

  async #name(file: string, id: number): Promise<string> {
    const table = this.#tables.get(file) ?? readTable(file);
    this.#tables.set(file, table);
    return (await table).get(id) ?? String(id);
  }
}

/** Lines `name:password:number:…`. */
async function readTable(file: string): Promise<Map<number, string>> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'))
      .map(([name = '', , id = '']): [number, string] => [Number(id), name]),
  );
}
