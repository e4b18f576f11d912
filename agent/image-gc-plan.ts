import { isAbsolute } from 'node:path';

/** Which images are removed, and when. */
export interface ImageGcPolicy {
  /** The part of the engine's disk, from 0 to 1, that is to be free. */
  headroom: number;
  /** Seconds between two looks at the disk. */
  interval: number;
  excluded: readonly string[];
}

/** An image that this agent pulled, and that nobody had brought to the machine before. */
export interface PulledImage {
  /** As the engine knows it: under its name there may be another one by now. */
  id: string;
  /** Milliseconds since the epoch. */
  lastUsed: number;
}

const hour = 3600;

/** Reads `{"image_disk_headroom": …, "image_disk_watch_interval": {"nanoseconds": …}, "excluded_images": […]}`, Mesos' ImageGcConfig. */
export function parseImageGcConfig(text: string): { value: ImageGcPolicy } | { error: string } {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { error: isAbsolute(text) ? 'its file is no JSON' : 'expected JSON' };
  }
  if (typeof config !== 'object' || config === null) return { error: 'expected a JSON object' };
  const { image_disk_headroom: headroom = 0.1, image_disk_watch_interval, excluded_images = [] } = config;
  if (typeof headroom !== 'number' || !(headroom >= 0 && headroom <= 1))
    return { error: 'expected an image_disk_headroom from 0 to 1' };
  const { nanoseconds = hour * 1e9 } = (image_disk_watch_interval ?? {}) as { nanoseconds?: unknown };
  if (typeof nanoseconds !== 'number' || !(nanoseconds > 0))
    return { error: 'expected an image_disk_watch_interval with positive nanoseconds' };
  if (!Array.isArray(excluded_images)) return { error: 'expected excluded_images to be a list' };
  const excluded: string[] = [];
  for (const image of excluded_images as { docker?: { name?: unknown } }[]) {
    const name = image?.docker?.name;
    if (typeof name !== 'string') return { error: 'expected each of excluded_images to be a Docker image with a name' };
    excluded.push(name);
  }
  return { value: { headroom, interval: nanoseconds / 1e9, excluded } };
}

/** What may go, in the order in which it goes: the one that was not used for the longest first. */
export function removableImages(
  pulled: ReadonlyMap<string, PulledImage>,
  inUse: ReadonlySet<string>,
  excluded: readonly string[],
): string[] {
  const free = [...pulled].filter(([name]) => !inUse.has(name) && !excluded.some((other) => sameImage(name, other)));
  return free.sort(([, left], [, right]) => left.lastUsed - right.lastUsed).map(([name]) => name);
}

/** `debian` and `debian:latest` are. */
function sameImage(left: string, right: string): boolean {
  const full = (name: string) => (/[:@][^/]*$/.test(name) ? name : `${name}:latest`);
  return full(left) === full(right);
}
