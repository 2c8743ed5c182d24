/** What a person has to know after a restore or a rollback of dumps that failed: which data serves. */
import type { RestoreRecord } from './backup.ts';
import { exchangeSentence, OF_RESTORE, OF_ROLLBACK, type ExchangeState } from './exchange.ts';
import type { Progress } from './job.ts';
import { aliasDatabase, replacedDatabase } from './names.ts';

/** Which data serves now, in a sentence. It says "not known" rather than guess. */
export function servingAfterRestore(
  record: RestoreRecord | undefined,
  progress: Progress | undefined,
  safetyBackupId = record?.safetyBackupId,
): string {
  if (!record || !progress) return 'Nothing was touched: what served before serves on.';
  if (record.status === 'COMPLETED')
    return `The restore itself is COMPLETED: ${record.database} serves the restored data.`;
  const { mode, database, destination, restoreId, exchange } = record;
  const broken = exchange?.underway ? ` ${exchangeSentence(exchange, OF_RESTORE)}` : '';
  if (record.allDatabases)
    return `What served on ${destination} before serves on, and so do the databases that are back. What it was at is ${aliasDatabase('*', restoreId)}, if it is there: nightjar prune drops it when its days are over. MongoDB’s has its own name at once: it is not complete there, so let nobody use it, and start the restore again, which takes it up.${broken}`;
  if (mode === 'new' && progress.outcome)
    return `What served on ${destination} before serves on; the restored database ${database} is complete, only the record could not be closed.`;
  if (mode === 'new')
    return (
      broken.trim() ||
      `What served on ${destination} before serves on; a database ${database} that was begun is not complete: let nobody use it. It may be dropped, if this restore made it.`
    );
  if (mode === 'overwrite') return overwritten(record, progress, exchange, safetyBackupId);
  if (progress.outcome?.kind === 'restore')
    return progress.outcome.replacedDatabase === undefined
      ? `The old data serves under ${database}; what was restored is ${progress.outcome.restoredDatabase}.`
      : `The restored data serves under ${database}; the old data is kept as ${progress.outcome.replacedDatabase}.`;
  if (exchange) return exchangeSentence(exchange, OF_RESTORE);
  const alias = record.restoredDatabase ?? aliasDatabase(database, restoreId);
  if (progress.status === 'failed')
    return `The old data serves under ${database}; what was restored, if anything, is ${alias}.`;
  const old = replacedDatabase(database, restoreId);
  return `The task fell silent: if the server has a database ${old}, the restored data serves under ${database} and the old data is ${old}; else the old data serves and ${alias} may be dropped.`;
}

function overwritten(
  { database, destination }: RestoreRecord,
  progress: Progress,
  exchange: ExchangeState | undefined,
  safetyBackupId: string | undefined,
): string {
  const back = safetyBackupId ? ` Its state before is the backup ${safetyBackupId}.` : '';
  if (progress.outcome)
    return `The restored data serves under ${database}; only the record could not be closed.${back}`;
  if (exchange) return exchangeSentence(exchange, OF_RESTORE) + back;
  // One transaction: after a failure that was said it was rolled back, after a silent one the server knows.
  return progress.status === 'failed' && progress.failure?.operation !== 'COMMIT'
    ? `The overwrite was rolled back: the old data serves under ${database}.${back}`
    : `Whether the overwrite was committed is not known: ${database} on ${destination} holds either all of the old data or all of the restored, never a mixture.${back}`;
}

/** The same after a rollback; `restore` is what it was to take back. */
export function servingAfterRollback(restore: RestoreRecord, progress: Progress | undefined): string {
  const { database, replacedDatabase: old } = restore;
  if (progress?.outcome?.kind === 'rollback')
    return `The old data serves under ${progress.outcome.serving} again; the restored data is ${progress.outcome.setAside}.`;
  if (progress?.exchange)
    // Of the swap itself, which is put in order first, the sides are the other way round.
    return exchangeSentence(progress.exchange, progress.exchange.incoming === old ? OF_ROLLBACK : OF_RESTORE);
  if (!progress || progress.status === 'failed')
    return `${restore.exchange ? 'The rollback has changed nothing' : `The restored data serves on under ${database}`}${old === undefined ? '' : `; the old data is ${old}`}.`;
  return `The task fell silent: while the server has a database ${old ?? 'under the old name'}, the restored data serves under ${database}; else the old data does.`;
}
