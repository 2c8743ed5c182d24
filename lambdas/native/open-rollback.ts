/** Opens the rollback of a native restore: by names, by pointer, or of a table by restoring the backup of its original. */
import { isNativeTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { ExecutionFacts, OpenedRollback } from '../../core/payloads.ts';
import { wayBackOf, type NativeRecord } from '../../core/serving.ts';
import { takeLock } from '../shared/locking.ts';
import type { Parts } from '../shared/parts.ts';
import { nativeRecord } from './look.ts';
import { goesSince } from './removal.ts';
import { serviceOf } from './services.ts';
import { isGoing } from './serving.ts';
import { goingsBack } from './table-back.ts';
import { findTarget } from './targets.ts';

export type OpenRollbackParts = Pick<Parts, 'catalog' | 'config' | 'executions' | 'tasks' | 'services' | 'now'>;
/** What OpenRollback answers. */
export type OpenedAnyRollback = Extract<OpenedRollback, { way: 'dump' }> | OpenedNativeRollback;
export type OpenedNativeRollback = Exclude<OpenedRollback, { way: 'dump' }>;

/** @throws NightjarError ROLLBACK_IMPOSSIBLE, TARGET_BUSY, TARGET_UNKNOWN. */
export async function openNativeRollback(
  parts: OpenRollbackParts,
  event: ExecutionFacts,
  restoreId: string,
): Promise<OpenedNativeRollback> {
  const record = await nativeRecord(parts, restoreId);
  const way = wayOf(record);
  const { destination, safetyBackupId } = record;
  const target = await findTarget(parts, destination);
  if (!isNativeTarget(target)) throw impossible(restoreId, `${target.name} is a target of ${target.engine} by now`);
  const id = idOfExecution(event.executionArn, event.startedAt);
  const { replacedDays } = (await parts.config()).retention;
  const opened = { id, target: target.name, attempt: 1, restoreId, replacedDays } as const;
  // To go back is a restore of its own, which takes the lock itself.
  if (way === 'table') {
    const backBy = await backByNow(parts, record);
    if (backBy !== undefined) return { ...opened, way: 'back', backBy };
    return { ...opened, way, ...(safetyBackupId === undefined ? {} : { backupId: safetyBackupId }) };
  }
  await takeLock(parts, { target: target.name, kind: 'restore', id, executionArn: event.executionArn });
  try {
    // Somebody who held the lock may have removed the original meanwhile.
    wayOf(await nativeRecord(parts, restoreId));
  } catch (error) {
    await parts.catalog.unlock(target.name, 'restore', id);
    throw error;
  }
  return { ...opened, way };
}

/** An earlier try whose restore came through and serves, and whose own end was lost: nothing is left to do but to say so. */
async function backByNow(parts: OpenRollbackParts, record: NativeRecord): Promise<string | undefined> {
  const done = (await goingsBack(parts, record)).filter(({ status }) => status === 'COMPLETED');
  if (done.length === 0) return undefined;
  const { engine, name } = record.native.settings;
  const holder = await serviceOf(parts, engine).read(name);
  if (!holder || isGoing(holder)) return undefined;
  return done.find(({ native }) => native.recreated?.resourceId === holder.settings.resourceId)?.restoreId;
}

const impossible = (restoreId: string, why: string): NightjarError =>
  new NightjarError('ROLLBACK_IMPOSSIBLE', { operation: 'open rollback', detail: `${restoreId}: ${why}.` });

/** @throws NightjarError ROLLBACK_IMPOSSIBLE. */
function wayOf(record: NativeRecord): 'server' | 'pointer' | 'table' {
  const { way, why } = wayBackOf(record);
  if (why !== undefined) throw impossible(record.restoreId, why);
  const since = way === 'server' ? goesSince(record.native) : undefined;
  if (since !== undefined)
    throw impossible(record.restoreId, `the pruner is removing the original since ${since}, its time was over`);
  return way;
}
