import { NightjarError, toNightjarError } from '../../core/errors.ts';
import type { Parts } from './parts.ts';

/**
 * A task without a sign of life ends itself after `limits.idleMinutes`, which is 24 hours at most: whoever has been
 * silent for longer is gone, whatever ECS lets us do.
 */
const SILENT_HOURS = 26;

/** What became of the task that writes progress under an id. */
export interface Stopped {
  /** Nobody works under this id any more, as far as anybody can know. */
  readonly over: boolean;
  /** Why it could not be stopped; to be thrown once everything else is put in order. */
  readonly refusal?: NightjarError;
}

/**
 * Stops the task that writes progress under this id, if one still does. It never throws what ECS says: a record must be
 * closed, and whoever waits must be told, also while a task can't be stopped.
 *
 * What the callers do with it: the record is closed in any case, because its execution is over. The lock of a backup
 * falls in any case too: a dump that lives on writes under its own id, and nothing takes that for a backup. The lock of a
 * restore, a rollback or a drop stays while its task may still rename or fill databases, so that none runs beside it. It
 * is not for ever: whoever wants the target next comes here again, and passes as soon as the task could be stopped, has
 * said its last word, or has been silent for longer than a living one can be.
 */
export async function stopTaskOf(
  parts: Pick<Parts, 'catalog' | 'tasks' | 'now'>,
  id: string,
  reason: string,
): Promise<Stopped> {
  const progress = await parts.catalog.getProgress(id);
  if (progress?.status !== 'running' || progress.taskArn === undefined) return { over: true };
  try {
    await parts.tasks.stop(progress.taskArn, reason);
    return { over: true };
  } catch (cause) {
    const hours = (parts.now().getTime() - Date.parse(progress.updatedAt)) / 3_600_000;
    const refusal = new NightjarError('UNEXPECTED', {
      operation: 'stop task',
      detail: `The task ${progress.taskArn} of ${id} could not be stopped, last seen at ${progress.updatedAt} while '${progress.phase}': ${toNightjarError(cause).detail ?? ''}`,
      cause,
    });
    return { over: hours > SILENT_HOURS, refusal };
  }
}
