/** When which directory may go. Pure: paths and times, in milliseconds since the epoch. */
export type GcSchedule = Map<string, number>;

export interface GcPolicy {
  /** Seconds that a directory stays when there is room. */
  delay: number;
  /** The part of the disk, from 0 to 1, that is to be free. */
  headroom: number;
}

/** Seconds that a directory may stay when so much of the disk (0 to 1) is in use. Source: Mesos' agent. */
export function allowedAge({ delay, headroom }: GcPolicy, usage: number): number {
  return delay * Math.max(0, 1 - headroom - usage);
}

/** What is to go now, that for which it has been time the longest first: everything that is older than `allowed` seconds. */
export function dueForRemoval(schedule: GcSchedule, policy: GcPolicy, allowed: number, now: number): string[] {
  const latest = now + (policy.delay - allowed) * 1000;
  const due = [...schedule].filter(([, at]) => at <= latest);
  return due.sort(([, left], [, right]) => left - right).map(([path]) => path);
}
