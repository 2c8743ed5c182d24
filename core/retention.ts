/** What the pruner may take. It errs towards keeping: a doubt, an unknown moment or a restore in progress keeps. */
import type { BackupRecord, RestoreRecord } from './backup.ts';
import type { Config } from './config.ts';
import { holdsPoints, isCounted } from './retention-points.ts';

const DAY = 86_400_000;

/** Objects of a failed backup stay this long for whoever wants to look at them; under Object Lock, as long as that. */
export const LEFTOVER_DAYS = 7;
/** Objects without a record are left alone for this long: a task may still be writing them. */
export const ORPHAN_DAYS = 35;

/** `expire`: record and objects. `sweep`: only the objects, of a record that is FAILED or DELETED. */
export type Verdict = 'keep' | 'expire' | 'sweep';

export interface RetentionFacts {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly retention: Config['retention'];
  readonly objectLock: Config['vault']['objectLock'];
  /** Backups that a restore needs. */
  readonly inUse: ReadonlySet<string>;
  /** Of scheduled native backups: whether the number of points that its target keeps reaches to it. */
  readonly counted?: (record: BackupRecord) => boolean;
}

/** Judges one backup. `newestGood`: of its target, as far as it is known; it is kept whatever its age. */
export function judgeBackup(record: BackupRecord, newestGood: string | undefined, facts: RetentionFacts): Verdict {
  // Asked of each of them, also of those that stay for another reason: they count.
  const counted = isCounted(record) ? (facts.counted?.(record) ?? true) : undefined;
  if (record.status === 'RUNNING' || record.endedAt === undefined) return 'keep';
  if (facts.inUse.has(record.backupId)) return 'keep';
  const days = (facts.now - Date.parse(record.endedAt)) / DAY;
  // Points first: their manifest is what tells of them. Points may expire before the lock on the manifest does.
  if (record.status === 'DELETED')
    return record.objectsGoneAt !== undefined || holdsPoints(record) || days <= (facts.objectLock?.days ?? 0)
      ? 'keep'
      : 'sweep';
  if (record.status === 'COMPLETED') {
    if (newestGood === undefined || record.backupId === newestGood) return 'keep';
    if (counted !== undefined) return counted ? 'keep' : 'expire';
    return days > facts.retention.days ? 'expire' : 'keep';
  }
  if (days > facts.retention.days) return 'expire';
  const leftovers = Math.max(LEFTOVER_DAYS, facts.objectLock?.days ?? 0);
  return record.objectsGoneAt === undefined && days > leftovers && !holdsPoints(record) ? 'sweep' : 'keep';
}

/** Restores whose replaced database is kept no longer. `now` in ms since the epoch. */
export const droppable = (restores: readonly RestoreRecord[], now: number): RestoreRecord[] =>
  restores.filter(
    (restore) =>
      restore.status === 'COMPLETED' &&
      restore.native === undefined &&
      restore.mode === 'swap' &&
      restore.replacedDatabase !== undefined &&
      restore.replacedDroppedAt === undefined &&
      restore.replacedUntil !== undefined &&
      Date.parse(restore.replacedUntil) < now,
  );
