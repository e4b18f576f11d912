import assert from 'node:assert/strict';
import { ForeignProcess, type Told } from './foreign-process.ts';

interface Answer extends Told {
  call: string;
  value?: unknown;
  error?: string;
}

export interface Watched extends Told {
  type: string;
}

/** A client of the operator API on somebody else's library, in a process of its own. */
export class ForeignOperator extends ForeignProcess {
  /** Makes a call, one at a time, of master or agent; resolves with what the library made of the answer. */
  async ask(at: 'master' | 'agent', call: string, ...args: readonly unknown[]): Promise<unknown> {
    const { value, error } = await this.#answer({ at, do: call, arguments: args });
    assert.equal(error, undefined, `${call} of the ${at}`);
    return value;
  }

  /** As `ask`; resolves with the library's complaint. */
  async refused(at: 'master' | 'agent', call: string, ...args: readonly unknown[]): Promise<string> {
    const { error } = await this.#answer({ at, do: call, arguments: args });
    assert.ok(error, `${call} of the ${at} was answered`);
    return error;
  }

  #answer(command: { at: string; do: string; arguments: readonly unknown[] }): Promise<Answer> {
    const earlier = new Set<Told>(this.all('answer'));
    this.command(command);
    return this.tells<Answer>('answer', (told) => !earlier.has(told) && told.call === command.do);
  }

  /** Subscribes to the master's events. */
  watch(): void {
    this.command({ do: 'SUBSCRIBE' });
  }

  /** Types of the events that it has told whose text has all of these. */
  watched(...texts: readonly string[]): string[] {
    const told = this.all<Watched>('watched');
    return told.filter((event) => texts.every((text) => JSON.stringify(event).includes(text))).map(({ type }) => type);
  }
}
