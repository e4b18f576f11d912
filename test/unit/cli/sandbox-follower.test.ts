import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SandboxFollower } from '../../../cli/sandbox-follower.ts';

/** A task's output as its agent keeps it: the newest file first. */
class Output {
  readonly files: { id: string; text: string }[] = [];
  #made = 0;
  /** Before each read. */
  meanwhile: () => void = () => undefined;

  write(text: string): void {
    if (this.files.length === 0) this.rotate();
    const [newest] = this.files;
    if (newest !== undefined) newest.text += text;
  }

  rotate(keep = Number.POSITIVE_INFINITY): void {
    this.files.unshift({ id: String(this.#made++), text: '' });
    this.files.splice(keep);
  }

  follower(): { follower: SandboxFollower; text: () => string } {
    let text = '';
    const target = new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    });
    const readSandboxFile = async (_task: unknown, name: string, offset: number) => {
      this.meanwhile();
      const file = this.files[Number(name.split('.')[1] ?? 0)];
      return file && { data: Buffer.from(file.text.slice(offset, offset + 5)), file: file.id };
    };
    const task = { agentId: 'A', frameworkId: 'F', taskId: 'T' };
    return { follower: new SandboxFollower({ readSandboxFile }, task, 'stdout', target), text: () => text };
  }
}

describe('the follower of a task’s output', () => {
  it('begins with the oldest that is kept', async () => {
    const output = new Output();
    const { follower, text } = output.follower();
    await follower.drain();
    output.write('first');
    output.rotate();
    output.write('second');
    output.rotate();
    await follower.drain();
    assert.equal(text(), 'firstsecond');
  });

  it('goes on with the oldest that is left when what it copied is gone', async () => {
    const output = new Output();
    const { follower, text } = output.follower();
    output.write('one,');
    await follower.drain();
    for (const word of ['two,', 'three,', 'four']) {
      output.rotate(2);
      output.write(word);
    }
    await follower.drain();
    assert.equal(text(), 'one,three,four');
  });

  it('copies each byte once, whenever files are put away', async () => {
    const action = fc.oneof(fc.constant('rotate'), fc.constant('drain'), fc.string({ minLength: 1, maxLength: 12 }));
    const property = fc.asyncProperty(fc.array(action), fc.array(fc.boolean()), async (actions, moments) => {
      const output = new Output();
      const { follower, text } = output.follower();
      const written: string[] = [];
      const write = (word: string) => {
        written.push(word);
        output.write(word);
      };
      write('begin');
      await follower.drain();
      output.meanwhile = () => {
        if (moments.shift() !== true) return;
        output.rotate();
        write('more');
      };
      for (const each of actions) {
        if (each === 'rotate') output.rotate();
        else if (each === 'drain') await follower.drain();
        else write(each.replaceAll(/[^ -~]/g, 'x'));
      }
      output.meanwhile = () => undefined;
      await follower.drain();
      await follower.drain();
      assert.equal(text(), written.join(''));
    });
    await fc.assert(property);
  });
});
