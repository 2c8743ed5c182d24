import { isNativeRecord } from '../../core/serving.ts';
import { rollbackSentence } from '../native/serving.ts';
import type { Parts } from './parts.ts';
import { stopTaskOf } from './stop-task.ts';

/**
 * Stops a failed rollback's task and lets go of its target. Answers with a sentence about which data serves.
 *
 * @throws NightjarError UNEXPECTED when the task could not be stopped; its target then stays locked.
 */
export async function closeFailedRollback(
  parts: Pick<Parts, 'catalog' | 'config' | 'tasks' | 'services' | 'pointers' | 'now'>,
  id: string,
  restoreId: string,
): Promise<string> {
  const { over, refusal } = await stopTaskOf(parts, id, `Nightjar: the rollback ${id} is over.`);
  const restore = await parts.catalog.getRestore(restoreId);
  if (!restore) return 'Nothing was touched.';
  if (over) await parts.catalog.unlock(restore.destination, 'restore', id);
  if (refusal) throw refusal;
  if (isNativeRecord(restore)) return rollbackSentence(parts, restore);
  const progress = await parts.catalog.getProgress(id);
  const { database, replacedDatabase: old } = restore;
  if (!progress || progress.status === 'failed')
    return `The restored data serves on under ${database}${old === undefined ? '' : `; the old data is ${old}`}.`;
  if (progress.outcome?.kind === 'rollback')
    return `The old data serves under ${progress.outcome.serving} again; the restored data is ${progress.outcome.setAside}.`;
  return `The task fell silent: while the server has a database ${old ?? 'under the old name'}, the restored data serves under ${database}; else the old data does.`;
}
