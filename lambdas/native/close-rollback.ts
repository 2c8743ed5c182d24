/** COMPLETED or FAILED → ROLLED_BACK of a native restore: what served before it serves again. */
import { NightjarError } from '../../core/errors.ts';
import { undoneName, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { keptUntil } from '../shared/kept-until.ts';
import { nativeRecord } from './look.ts';
import type { OpenedNativeRollback } from './open-rollback.ts';

export interface Undone {
  readonly restoreId: string;
  /** The old data serves under this name, or where this says so. */
  readonly serving: string;
  /** What was restored is kept under this name, of a table as this backup; absent when it is not known. */
  readonly setAside?: string;
}

/**
 * `restoredBy` is the restore that made a table's original again just now.
 * @throws NightjarError EXECUTION_FAILED when the record could not be changed.
 */
export async function closeNativeRollback(
  parts: Pick<Parts, 'catalog' | 'now'>,
  { restoreId, id, target, way, replacedDays, backBy }: OpenedNativeRollback,
  restoredBy?: string,
): Promise<Undone> {
  const record = await nativeRecord(parts, restoreId);
  const by = restoredBy ?? backBy;
  const taken = by === undefined ? undefined : (await parts.catalog.getRestore(by))?.safetyBackupId;
  const undone = undoneOf(record, way, taken);
  const changed = await parts.catalog.updateRestore(restoreId, ['COMPLETED', 'FAILED'], {
    status: 'ROLLED_BACK',
    restoredDatabase: undone.setAside,
    replacedDatabase: undefined,
    // What is set aside holds every write since the swap: its time begins now, whatever the pruner did before.
    replacedUntil: keptUntil(parts.now(), { replacedDays }),
    replacedDroppedAt: undefined,
    native: { ...record.native, serving: 'original' },
  });
  if (!changed && (await parts.catalog.getRestore(restoreId))?.status !== 'ROLLED_BACK')
    throw new NightjarError('EXECUTION_FAILED', {
      operation: 'close rollback',
      detail: `${undone.serving} serves the old data again, but the record of ${restoreId} could not be changed.`,
    });
  await parts.catalog.unlock(target, 'restore', id);
  return undone;
}

function undoneOf({ restoreId, native }: NativeRecord, way: OpenedNativeRollback['way'], taken?: string): Undone {
  const { name } = native.settings;
  switch (way) {
    case 'server':
      return { restoreId, serving: name, setAside: undoneName(native, restoreId) };
    case 'pointer':
      return { restoreId, serving: native.pointer?.before ?? name, setAside: native.alias };
    case 'table':
    case 'back':
      // The safety backup that the going back took of it; `backups.restored` is of before it served.
      return { restoreId, serving: name, ...(taken === undefined ? {} : { setAside: taken }) };
  }
}
