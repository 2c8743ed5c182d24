import type { BackupRecord } from '../../core/backup.ts';
import type { Failure } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import { EVENTS } from '../../core/names.ts';
import type { BackupInput, ExecutionFacts } from '../../core/payloads.ts';
import { targetOrNone } from '../native/targets.ts';
import { runningBackup } from './backup-record.ts';
import type { Parts } from './parts.ts';
import { stopTaskOf } from './stop-task.ts';

export interface FailedBackup {
  readonly input: BackupInput;
  readonly execution: ExecutionFacts;
  readonly failure: Failure;
  /** Publish also when the record was FAILED before: whoever closed it may not have come to that. */
  readonly tellAgain: boolean;
}

/**
 * Closes the backup of a failed execution: stops its task, writes FAILED (making the record when the opening itself
 * failed), lets go of the lock, tells the world. Answers with the record as it is then; undefined for a target that the
 * config does not know.
 *
 * @throws NightjarError UNEXPECTED, after all of that, when the task could not be stopped.
 */
export async function closeFailedBackup(
  parts: Pick<Parts, 'name' | 'catalog' | 'config' | 'tasks' | 'events' | 'now'>,
  { input, execution, failure, tellAgain }: FailedBackup,
): Promise<BackupRecord | undefined> {
  const id = idOfExecution(execution.executionArn, execution.startedAt);
  const { refusal } = await stopTaskOf(parts, id, `Nightjar: the backup ${id} failed (${failure.code}).`);
  if (!(await parts.catalog.getBackup(input.target, id))) {
    const target = await targetOrNone(parts, input.target);
    if (!target) return undefined;
    await parts.catalog.openBackup(runningBackup(target, input, execution));
  }
  const closed = await parts.catalog.failBackup(input.target, id, failure, parts.now().toISOString());
  await parts.catalog.unlock(input.target, 'backup', id);
  const record = await parts.catalog.getBackup(input.target, id);
  if (record?.status === 'FAILED' && (closed || tellAgain))
    await parts.events.publish(EVENTS.backupFailed, [
      {
        name: parts.name,
        backupId: id,
        target: record.target,
        trigger: record.trigger,
        ...(record.runId === undefined ? {} : { runId: record.runId }),
        startedAt: record.startedAt,
        endedAt: record.endedAt,
        failure: record.failure,
      },
    ]);
  if (refusal) throw refusal;
  return record;
}
