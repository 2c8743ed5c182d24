import type { RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import type { ExchangeState } from '../../core/exchange.ts';
import type { Progress } from '../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../core/names.ts';
import type { Parts } from './parts.ts';

type Done = Partial<Pick<RestoreRecord, 'comparison' | 'restoredDatabase' | 'replacedDatabase'>>;

/** What the newest attempt that came so far said of its exchange of names: a later one may not have reached the server. */
export async function exchangeTold(
  catalog: Pick<Catalog, 'getProgress'>,
  id: string,
  newest: Progress | undefined,
): Promise<ExchangeState | undefined> {
  let told = newest;
  for (let attempt = newest?.attempt ?? 0; attempt > 1 && !told?.exchange; attempt -= 1)
    told = await catalog.getProgress(id, attempt - 1);
  return told?.exchange;
}

/** What a task that is over had done, as the record of its failed restore keeps it. */
function doneBy(record: RestoreRecord, progress: Progress | undefined, exchange: ExchangeState | undefined): Done {
  if (progress?.outcome?.kind === 'restore') {
    const { comparison, restoredDatabase, replacedDatabase } = progress.outcome;
    return { comparison, restoredDatabase, ...(replacedDatabase === undefined ? {} : { replacedDatabase }) };
  }
  // Of the exchange of an earlier restore, which this one had to put in order, that one's record tells.
  const old = replacedDatabase(record.database, record.restoreId);
  if (exchange && exchange.serves !== 'before' && record.mode === 'swap' && exchange.keepAs === old)
    return {
      replacedDatabase: old,
      ...(exchange.serves === 'incoming' ? { restoredDatabase: record.database } : {}),
    };
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
  failed: Pick<RestoreRecord, 'failure' | 'endedAt' | 'safetyBackupId' | 'exchange'> &
    Partial<Pick<RestoreRecord, 'native' | 'restoredDatabase' | 'replacedDatabase'>>,
): Promise<boolean> {
  const record = await catalog.getRestore(id);
  if (!record) return false;
  const { exchange } = failed;
  const done = { ...doneBy(record, progress, exchange), ...(exchange === undefined ? {} : { exchange }) };
  if (await catalog.updateRestore(id, ['RUNNING'], { status: 'FAILED', ...failed, ...done })) return true;
  if (Object.keys(done).length > 0) await catalog.updateRestore(id, ['FAILED'], done);
  return false;
}
