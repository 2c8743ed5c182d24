import type { RestoreRecord } from '../../core/backup.ts';
import type { Failure, NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import { EVENTS } from '../../core/names.ts';
import type { ExecutionFacts } from '../../core/payloads.ts';
import { servingAfterRestore } from '../../core/restore-words.ts';
import { isNativeRecord } from '../../core/serving.ts';
import { nativeEnd } from '../native/fail.ts';
import { fenceLeft, isStanding, liftFence, type FenceEnd } from '../native/fence.ts';
import type { Parts } from './parts.ts';
import { exchangeTold, failRestore } from './restore-done.ts';
import { stopTaskOf } from './stop-task.ts';

export interface FailedRestore {
  readonly execution: ExecutionFacts;
  /** Undefined when the input named none. */
  readonly destination: string | undefined;
  readonly failure: Failure;
  /** Publish also when the record was FAILED before: whoever closed it may not have come to that. */
  readonly tellAgain: boolean;
  readonly attempt?: number;
  readonly safetyBackupId?: string;
  /** Somebody cancelled it instead of approving. */
  readonly denied?: { readonly decidedBy?: string };
  /** When the execution ended, of whoever comes after it: no state will lift a table's fence any more. */
  readonly over?: Date;
}

export interface ClosedFailedRestore {
  /** Which data serves now, in a sentence. */
  readonly serving: string;
  readonly record: RestoreRecord | undefined;
  /** That writes to a table are denied, where nobody was told so before. */
  readonly denies?: string;
  /** A fence that may yet be lifted: to be thrown at the end, so that it is tried again. */
  readonly again?: NightjarError;
}

/**
 * Closes the restore of a failed execution: stops its task, writes FAILED, lets go of the lock, tells the world. A
 * restore that was refused before it had a record leaves none: it touched nothing.
 *
 * @throws NightjarError UNEXPECTED, after all of that, when the task could not be stopped; its target then stays locked.
 */
export async function closeFailedRestore(
  parts: Pick<Parts, 'name' | 'catalog' | 'config' | 'tasks' | 'services' | 'pointers' | 'events' | 'now'>,
  failed: FailedRestore,
): Promise<ClosedFailedRestore> {
  const id = idOfExecution(failed.execution.executionArn, failed.execution.startedAt);
  const { over, refusal } = await stopTaskOf(parts, id, `Nightjar: the restore ${id} failed (${failed.failure.code}).`);
  const progress = await parts.catalog.getProgress(id, failed.attempt);
  const exchange = await exchangeTold(parts.catalog, id, progress);
  const before = await parts.catalog.getRestore(id);
  const native = isNativeRecord(before) ? await nativeEnd(parts, before, failed.denied) : undefined;
  const closed = await failRestore(parts, id, progress, {
    endedAt: parts.now().toISOString(),
    failure: failed.failure,
    ...(exchange === undefined ? {} : { exchange }),
    ...(failed.safetyBackupId === undefined ? {} : { safetyBackupId: failed.safetyBackupId }),
    ...native?.change,
  });
  const fence = await endOfFence(parts, id, failed.over);
  const destination = before?.destination ?? failed.destination;
  if (over && destination !== undefined) await parts.catalog.unlock(destination, 'restore', id);
  const record = await parts.catalog.getRestore(id);
  const serving =
    (fence.lifted && isNativeRecord(record) ? (await nativeEnd(parts, record)).sentence : native?.sentence) ??
    servingAfterRestore(record, progress, failed.safetyBackupId);
  if (closed || (failed.tellAgain && record?.status !== 'COMPLETED'))
    await parts.events.publish(EVENTS.restoreFailed, [
      {
        name: parts.name,
        restoreId: id,
        ...(record === undefined
          ? {}
          : { target: record.target, mode: record.mode, database: record.database, backupId: record.backupId }),
        ...(destination === undefined ? {} : { destination }),
        failure: failed.failure,
        serving,
      },
    ]);
  if (refusal) throw refusal;
  const { again, denies } = fence;
  return { serving, record, ...(again ? { again } : {}), ...(denies === undefined ? {} : { denies }) };
}

/** Of a table's swap that is closed: lifted by who comes after the execution, said by everybody. */
async function endOfFence(
  parts: Pick<Parts, 'catalog' | 'services' | 'now'>,
  id: string,
  ended: Date | undefined,
): Promise<Pick<FenceEnd, 'lifted' | 'again'> & Pick<ClosedFailedRestore, 'denies'>> {
  const record = await parts.catalog.getRestore(id);
  if (!isNativeRecord(record) || record.status !== 'FAILED') return { lifted: false };
  const { stands, ...end } = ended ? await liftFence(parts, record, ended) : await fenceLeft(parts, record);
  if (stands === undefined) return end;
  const { warnings = [], native } = record;
  if (warnings.some((one) => isStanding(one, native.settings.name))) return end;
  await parts.catalog.updateRestore(id, ['FAILED'], { warnings: [...warnings, stands] });
  return { ...end, denies: stands };
}
