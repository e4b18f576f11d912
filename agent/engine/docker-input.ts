import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerInput, WindowSize } from './session.ts';

/** The input of a container's own process; the connection breaks when `closing` aborts. */
export async function openInput(container: Docker.Container, closing: AbortSignal): Promise<ContainerInput> {
  const input = await container.attach({ stream: true, stdin: true, hijack: true });
  // Whoever writes hears of errors; without a listener they would end this process.
  input.on('error', () => undefined);
  const close = () => (input as Duplex).destroy();
  closing.addEventListener('abort', close);
  input.on('close', () => closing.removeEventListener('abort', close));
  return { input, resize: (size) => resizeContainer(container, size) };
}

/** The container may be over, or may have no terminal. */
export async function resizeContainer(container: Docker.Container, { rows, columns }: WindowSize): Promise<void> {
  await container.resize({ h: rows, w: columns }).catch(() => undefined);
}
