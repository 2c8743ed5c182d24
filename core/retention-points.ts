/** How long recovery points of a service are kept: by number, because an account may hold only so many of them. */
import type { BackupRecord, RestoreRecord } from './backup.ts';
import { isNativeRecord, leftResource } from './serving.ts';

/** How many of each a target keeps. */
export interface PointCounts {
  readonly nightly: number;
  readonly weekly: number;
}
/** Of a target that left the config. */
export const DEFAULT_POINTS: PointCounts = { nightly: 7, weekly: 4 };

const DAY = 86_400_000;

/** The Monday of the moment's week, UTC. */
function weekOf(instant: string): string {
  const date = new Date(instant);
  const monday = date.getTime() - ((date.getUTCDay() + 6) % 7) * DAY;
  return new Date(monday).toISOString().slice(0, 10);
}

/**
 * Judges scheduled native backups that are COMPLETED, to be asked of each of them, newest first. Kept are the newest nightly ones,
 * and the newest of each of the newest weeks. What a person asked for is kept by its age, so it is not asked here.
 */
export function pointKeeper(countsOf: (target: string) => PointCounts): (record: BackupRecord) => boolean {
  const seen = new Map<string, { nightly: number; weeks: Set<string> }>();
  return ({ target, trigger, startedAt }) => {
    const counts = countsOf(target);
    const so = seen.get(target) ?? { nightly: 0, weeks: new Set<string>() };
    seen.set(target, so);
    let keep = false;
    if (trigger === 'daily' && so.nightly < counts.nightly) {
      so.nightly += 1;
      keep = true;
    }
    const week = weekOf(startedAt);
    if (!so.weeks.has(week) && so.weeks.size < counts.weekly) {
      so.weeks.add(week);
      keep = true;
    }
    return keep;
  };
}

export const isCounted = (record: BackupRecord): boolean =>
  record.method === 'native' &&
  record.status === 'COMPLETED' &&
  (record.trigger === 'daily' || record.trigger === 'weekly');

/** Whether recovery points of it may be there still. */
export const holdsPoints = (record: BackupRecord): boolean =>
  record.method === 'native' && (record.points?.length ?? 0) > 0 && record.pointsGoneAt === undefined;

/**
 * Backups that a restore needs: it runs, it can be rolled back from them, or nothing serves and they are all there is.
 * `now` in ms since the epoch.
 */
export function neededByRestores(restores: readonly RestoreRecord[], now: number): Set<string> {
  const needed = new Set<string>();
  for (const { status, backupId, safetyBackupId, replacedUntil, replacedDroppedAt, native } of restores) {
    const from = native?.from.kind === 'point' ? native.from.backupId : undefined;
    const all = [backupId, safetyBackupId, from];
    const undoable = replacedUntil !== undefined && replacedDroppedAt === undefined && Date.parse(replacedUntil) > now;
    const ids = status === 'RUNNING' || native?.serving === 'nothing' ? all : undoable ? [safetyBackupId] : [];
    for (const id of ids) if (id !== undefined) needed.add(id);
  }
  return needed;
}

/**
 * Native restores of which the pruner has something to look at: what they left behind when its time is over, and a replaced
 * server every night, because AWS starts a stopped one again. RemoveReplaced decides.
 */
export const removable = (restores: readonly RestoreRecord[], now: number, leftoverDays: number): RestoreRecord[] =>
  restores.filter((record) => {
    const { status, native, replacedUntil, replacedDroppedAt, endedAt, startedAt } = record;
    if (!isNativeRecord(record) || !native || status === 'RUNNING' || replacedDroppedAt !== undefined) return false;
    // What is there to stay. Where nothing serves somebody may have put a name right by hand.
    if (leftResource(record) === undefined && native.serving !== 'nothing') return false;
    const until = replacedUntil ?? new Date(Date.parse(endedAt ?? startedAt) + leftoverDays * DAY).toISOString();
    return Date.parse(until) <= now || (native.oldName !== undefined && native.serving === 'restored');
  });

/**
 * Recovery points that a restore made for itself and nobody needs any more: of a table's alias when the time for going back
 * is over, and the last ones of removed servers as long after the removal as a backup is kept.
 */
export function sparePoints(
  { status, native, endedAt, replacedUntil, replacedDroppedAt }: RestoreRecord,
  retention: { readonly days: number; readonly replacedDays: number },
  now: number,
): ('original' | 'restored')[] {
  if (!native?.backups || status === 'RUNNING' || native.serving === 'nothing' || endedAt === undefined) return [];
  const past = (since: string, days: number): boolean => Date.parse(since) + days * DAY < now;
  const { original, restored } = native.backups;
  if (native.settings.engine === 'dynamodb') {
    // A table's original is the point of its safety backup, which has a record of its own.
    const over = replacedUntil === undefined ? past(endedAt, retention.replacedDays) : past(replacedUntil, 0);
    return restored !== undefined && over ? ['restored'] : [];
  }
  if (replacedDroppedAt === undefined || !past(replacedDroppedAt, retention.days)) return [];
  return [
    ...(restored === undefined ? [] : (['restored'] as const)),
    ...(original === undefined ? [] : (['original'] as const)),
  ];
}
