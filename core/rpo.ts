/** Whether a target has been without a good backup for longer than it was promised. */
import type { TargetState } from './backup.ts';
import { rpoHoursOf, type Target } from './config.ts';

const HOUR = 3_600_000;

export interface Overdue {
  readonly target: string;
  readonly rpoHours: number;
  /** Hours since the newest good backup's snapshot, or since the target was first seen. */
  readonly hours: number;
  /** Undefined when there has never been a good one. */
  readonly newestGoodAt: string | undefined;
}

/** Targets with a promise; `frequency: none` without `rpoHours` has made none. */
export const watchedTargets = (targets: readonly Target[]): Target[] =>
  targets.filter((target) => rpoHoursOf(target) !== undefined);

/** A target without a state is overdue: nobody knows of a good backup. `now` in ms since the epoch. */
export function overdueOf(target: Target, state: TargetState | undefined, now: number): Overdue | undefined {
  const rpoHours = rpoHoursOf(target);
  if (rpoHours === undefined) return undefined;
  const newestGoodAt = state?.newestGood?.snapshotAt;
  const since = newestGoodAt ?? state?.firstSeenAt;
  const hours = since === undefined ? Infinity : (now - Date.parse(since)) / HOUR;
  return hours > rpoHours ? { target: target.name, rpoHours, hours, newestGoodAt } : undefined;
}
