/** What both catalogs decide alike. */
import type { BackupRecord, PointDraft, TargetState } from './backup.ts';
import type { Lock, LockRequest } from './catalog.ts';

/** Whether an existing lock lets this request pass. */
export function letsPass(lock: Lock, request: LockRequest): boolean {
  if (request.takeFrom !== undefined && lock.executionArn === request.takeFrom) return true;
  return lock.kind === request.kind ? lock.id === request.id : lock.id === request.safetyFor;
}

/** What the target's state says of a backup that is its newest good one. */
export function newestGoodOf(record: BackupRecord): NonNullable<TargetState['newestGood']> {
  return {
    backupId: record.backupId,
    snapshotAt: record.snapshotAt ?? record.startedAt,
    storedBytes: record.storedBytes ?? 0,
    seconds: Math.max(0, (Date.parse(record.endedAt ?? record.startedAt) - Date.parse(record.startedAt)) / 1000),
  };
}

/** ARNs of all recovery points that exist or may exist of a backup that runs. */
export const pointsOf = (draft: PointDraft): string[] => draft.asked.map((one) => one.arn);

/** Whether it takes the place of the target's newest good one. */
export const isNewer = (record: BackupRecord, state: TargetState | undefined): boolean =>
  !state?.newestGood || state.newestGood.snapshotAt < newestGoodOf(record).snapshotAt;
