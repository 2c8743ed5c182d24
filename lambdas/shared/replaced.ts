import type { RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import type { Config } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { leftDatabase, type Droppable } from '../../core/retention.ts';
import { takeLock } from './locking.ts';
import type { Parts } from './parts.ts';

export type RestoreWithReplaced = RestoreRecord & { readonly replacedDatabase: string };

/** A restore whose replaced database is still kept. @throws NightjarError RESTORE_UNKNOWN, ROLLBACK_IMPOSSIBLE. */
export async function restoreWithReplaced(catalog: Catalog, restoreId: string): Promise<RestoreWithReplaced> {
  const restore = await restoreNamed(catalog, restoreId);
  const { replacedDatabase } = restore;
  const why = whyNot(restore);
  if (why === undefined && replacedDatabase !== undefined) return { ...restore, replacedDatabase };
  throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
    operation: 'find restore',
    detail: `${restoreId}: ${why ?? 'it replaced no database'}.`,
  });
}

/** The database that a restore left behind, to be dropped. @throws NightjarError RESTORE_UNKNOWN, ROLLBACK_IMPOSSIBLE. */
export async function leftBehind(catalog: Catalog, restoreId: string, targets: Config['targets']): Promise<Droppable> {
  const restore = await restoreNamed(catalog, restoreId);
  const database = leftDatabase(restore, targets);
  if (database !== undefined) return { restore, database };
  throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
    operation: 'find restore',
    detail: `${restoreId}: it is ${restore.status} and has left no database to drop.`,
  });
}

async function restoreNamed(catalog: Catalog, restoreId: string): Promise<RestoreRecord> {
  const restore = await catalog.getRestore(restoreId);
  if (restore) return restore;
  throw new NightjarError('RESTORE_UNKNOWN', { operation: 'find restore', detail: `Asked for: ${restoreId}.` });
}

function whyNot({ status, mode, replacedDatabase, replacedDroppedAt }: RestoreRecord): string | undefined {
  // A swap that was done and only could not be recorded as COMPLETED is FAILED, with the replaced database in its record.
  const swapped = status === 'COMPLETED' || (status === 'FAILED' && replacedDatabase !== undefined);
  if (!swapped) return `it is ${status}`;
  if (mode !== 'swap') return `its mode was ${mode}`;
  return replacedDroppedAt === undefined ? undefined : `the old database was dropped at ${replacedDroppedAt}`;
}

/** Takes the destination's lock, and looks again: a rollback and a drop of one database exclude each other. */
export async function lockReplaced(
  parts: Pick<Parts, 'catalog' | 'executions' | 'tasks' | 'now'>,
  restore: RestoreRecord,
  holder: { readonly id: string; readonly executionArn: string },
  look: (catalog: Catalog, restoreId: string) => Promise<unknown>,
): Promise<void> {
  await takeLock(parts, { target: restore.destination, kind: 'restore', ...holder });
  try {
    await look(parts.catalog, restore.restoreId);
  } catch (error) {
    await parts.catalog.unlock(restore.destination, 'restore', holder.id);
    throw error;
  }
}
