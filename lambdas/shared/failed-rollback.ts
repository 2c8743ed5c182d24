import { servingAfterRollback } from '../../core/restore-words.ts';
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
  return servingAfterRollback(restore, await parts.catalog.getProgress(id));
}
