import type { RestoreRecord } from '../../core/backup.ts';
import type { Progress } from '../../core/job.ts';
import { aliasDatabase } from '../../core/names.ts';
import type { Parts } from './parts.ts';

type Done = Partial<Pick<RestoreRecord, 'comparison' | 'restoredDatabase' | 'replacedDatabase'>>;

/** What a task that is over had done, as the record of its failed restore keeps it. */
function doneBy(record: RestoreRecord, progress: Progress | undefined): Done {
  if (progress?.outcome?.kind === 'restore') {
    const { comparison, restoredDatabase, replacedDatabase } = progress.outcome;
    return { comparison, restoredDatabase, ...(replacedDatabase === undefined ? {} : { replacedDatabase }) };
  }
  // What differs is kept for whoever wants to look at it. Which of all databases that is, the failure's own words say.
  if (progress?.failure?.code === 'FINGERPRINT_DIFFERS' && record.mode !== 'overwrite' && !record.allDatabases)
    return { restoredDatabase: aliasDatabase(record.database, record.restoreId) };
  return {};
}

/**
 * RUNNING → FAILED, with what the task had done: a swap's old database must not be forgotten. A task that could not be
 * stopped may say more after that, so a later call adds it. Answers whether this one closed it.
 */
export async function failRestore(
  { catalog }: Pick<Parts, 'catalog'>,
  id: string,
  progress: Progress | undefined,
  failed: Pick<RestoreRecord, 'failure' | 'endedAt' | 'safetyBackupId'> &
    Partial<Pick<RestoreRecord, 'native' | 'restoredDatabase' | 'replacedDatabase'>>,
): Promise<boolean> {
  const record = await catalog.getRestore(id);
  if (!record) return false;
  const done = doneBy(record, progress);
  if (await catalog.updateRestore(id, ['RUNNING'], { status: 'FAILED', ...failed, ...done })) return true;
  if (Object.keys(done).length > 0) await catalog.updateRestore(id, ['FAILED'], done);
  return false;
}
