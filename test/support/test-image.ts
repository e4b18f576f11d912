import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A shell and the usual small commands, 2 MB; has the users root and nobody. */
export const testImage = 'mesita-test/busybox:1';

/**
 * Makes sure that the engine has `testImage`, and resolves with its name. It stays there, for the next run.
 * Comes from Debian's package `busybox-static` where apt is, else from a registry.
 */
export async function ensureTestImage(): Promise<string> {
  if (await isPresent()) return testImage;
  await exclusively(async () => {
    if (await isPresent()) return;
    const fromPackage = await importFromPackage().catch((error: unknown) => error);
    if (fromPackage === undefined) return;
    await pull().catch((error: unknown) => {
      throw new AggregateError([fromPackage, error], `${testImage} can neither be made from a package nor pulled`);
    });
  });
  return testImage;
}

async function isPresent(): Promise<boolean> {
  const { stdout } = await run('docker', ['images', '--quiet', testImage]);
  return stdout.trim() !== '';
}

async function pull(): Promise<void> {
  await run('docker', ['pull', 'busybox:stable-musl']);
  await run('docker', ['tag', 'busybox:stable-musl', testImage]);
}

async function importFromPackage(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-test-image-'));
  try {
    const busybox = await unpackBusybox(directory);
    const root = join(directory, 'root');
    for (const folder of ['bin', 'dev', 'etc', 'proc', 'root', 'sys'])
      await mkdir(join(root, folder), { recursive: true });
    await run('mkdir', ['-m', '1777', join(root, 'tmp')]);
    await copyFile(busybox, join(root, 'bin/busybox'));
    const { stdout } = await run(busybox, ['--list']);
    for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
      await symlink('busybox', join(root, 'bin', applet));
    }
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/false\n');
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nnobody:x:65534:\n');
    const archive = join(directory, 'root.tar');
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '-cf', archive, '.']);
    await run('docker', ['import', '--change', 'CMD ["sh"]', archive, testImage]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function unpackBusybox(directory: string): Promise<string> {
  const download = () => run('apt-get', ['download', 'busybox-static'], { cwd: directory });
  await download().catch(async () => {
    // A fresh machine has no lists of packages yet.
    await run('apt-get', ['update']);
    await download();
  });
  const archive = (await readdir(directory)).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error('apt-get download busybox-static left no package');
  await run('dpkg-deb', ['--extract', archive, 'package'], { cwd: directory });
  // Where /bin is merged into /usr the package has it there.
  for (const path of ['package/bin/busybox', 'package/usr/bin/busybox']) {
    const file = join(directory, path);
    if (await stat(file).catch(() => undefined)) return file;
  }
  throw new Error('the package busybox-static holds no busybox');
}

/** Test files run side by side: one of them makes the image, the others wait for it. */
async function exclusively(make: () => Promise<void>): Promise<void> {
  const lock = join(tmpdir(), 'mesita-test-image.lock');
  const abandonedAfter = 120_000;
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      const age = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? Date.now());
      if (age > abandonedAfter) await rm(lock, { recursive: true, force: true });
      await sleep(100);
    }
  }
  try {
    await make();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
