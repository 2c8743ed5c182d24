/** To go back with a table is a restore of its own, of the backup of its original: which ones did so, and what they brought. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { NativeRestore } from '../../core/native.ts';
import { isNativeRecord, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { allRestores } from '../shared/prune-plan.ts';

/** Restores of the same destination that were begun later, newest first. */
export async function restoresSince(
  { catalog }: Pick<Parts, 'catalog'>,
  { restoreId, destination }: Pick<RestoreRecord, 'restoreId' | 'destination'>,
): Promise<RestoreRecord[]> {
  const later: RestoreRecord[] = [];
  for await (const one of allRestores(catalog)) {
    if (one.restoreId <= restoreId) break;
    if (one.destination === destination) later.push(one);
  }
  return later;
}

/** Whether this later restore puts the original of that swap back. */
export const takesBack = (one: RestoreRecord, { native, safetyBackupId }: RestoreRecord): boolean =>
  native?.settings.engine === 'dynamodb' &&
  safetyBackupId !== undefined &&
  one.mode === 'swap' &&
  one.backupId === safetyBackupId;

/** Newest first; none of a restore that is no swap of a table. */
export async function goingsBack(parts: Pick<Parts, 'catalog'>, record: RestoreRecord): Promise<NativeRecord[]> {
  if (record.mode !== 'swap' || record.native?.settings.engine !== 'dynamodb') return [];
  return (await restoresSince(parts, record)).filter(isNativeRecord).filter((one) => takesBack(one, record));
}

/** Whose data the table of this id holds; undefined when neither the swap nor what took it back made it. `backs` newest first. */
export function heldBy(
  resourceId: string,
  swap: NativeRestore,
  [back, ...older]: readonly NativeRecord[],
): 'original' | 'restored' | undefined {
  const { original, restored, recreated, recreatedFrom, backups } = swap;
  if (resourceId === original?.resourceId) return 'original';
  if (resourceId === restored?.resourceId) return 'restored';
  if (resourceId === recreated?.resourceId) return recreatedFrom === backups?.original ? 'original' : 'restored';
  if (!back) return undefined;
  switch (heldBy(resourceId, back.native, [])) {
    case 'restored':
      return 'original';
    case 'original':
      // What served before it: of the swap, or brought by an older one.
      return heldBy(back.native.original?.resourceId ?? resourceId, swap, older);
    case undefined:
      return heldBy(resourceId, swap, older);
  }
}
