import { safetyFor } from '../../core/backup-choice.ts';
import type { Catalog } from '../../core/catalog.ts';

/** What `startExecution.sync:2` answers of the safety backup. */
export interface SafetyResult {
  readonly Output?: { readonly backupId?: string };
}

export const safetyBackupIn = (safety: SafetyResult | undefined): string | undefined => safety?.Output?.backupId;

/** No other backup of the target comes between it and its restore's end, which holds the lock. */
const LOOK_BACK = 5;

/** The safety backup that a restore took, for whoever has not got its execution's state. */
export async function safetyBackupOf(catalog: Catalog, target: string, restoreId: string): Promise<string | undefined> {
  const newest = await catalog.listBackups({ target, limit: LOOK_BACK });
  return newest.find((one) => one.status === 'COMPLETED' && safetyFor(one) === restoreId)?.backupId;
}
