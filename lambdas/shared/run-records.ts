import type { BackupRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';

/** How far back a target's list is read: a run's own record and the good one before it are nearly always in it. */
const LOOK_BACK = 30;

/** The target's newest records, newest first. */
export const recentRecords = (catalog: Catalog, target: string): Promise<BackupRecord[]> =>
  catalog.listBackups({ target, limit: LOOK_BACK });

/** The record that counts for a run: a COMPLETED one, else the newest. */
export function ofRun(records: readonly BackupRecord[], runId: string): BackupRecord | undefined {
  const own = records.filter((record) => record.runId === runId);
  return own.find((record) => record.status === 'COMPLETED') ?? own[0];
}

export const recordOfRun = async (catalog: Catalog, target: string, runId: string): Promise<BackupRecord | undefined> =>
  ofRun(await recentRecords(catalog, target), runId);

/** Stored bytes of the newest good backup before this one. */
export const bytesBefore = (records: readonly BackupRecord[], backupId: string): number | undefined =>
  records.find((record) => record.status === 'COMPLETED' && record.backupId < backupId)?.storedBytes;
