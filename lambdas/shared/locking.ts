/** Takes a target's lock; a holder whose execution is over is closed and passed by. */
import type { LockKind } from '../../core/catalog.ts';
import { NightjarError, failure } from '../../core/errors.ts';
import type { Parts } from './parts.ts';
import { failRestore } from './restore-done.ts';
import { stopTaskOf } from './stop-task.ts';

export interface LockWish {
  readonly target: string;
  readonly kind: LockKind;
  readonly id: string;
  readonly executionArn: string;
  readonly safetyFor?: string | undefined;
}

/** Two dead holders, one of each kind, and a newcomer between two looks: more would be something else. */
const TRIES = 5;

/** @throws NightjarError TARGET_BUSY when somebody alive holds it, or a dead one's task that could not be stopped. */
export async function takeLock(
  parts: Pick<Parts, 'catalog' | 'executions' | 'tasks' | 'now'>,
  wish: LockWish,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const answer = await parts.catalog.lock({
      target: wish.target,
      kind: wish.kind,
      id: wish.id,
      executionArn: wish.executionArn,
      since: parts.now().toISOString(),
      ...(wish.safetyFor === undefined ? {} : { safetyFor: wish.safetyFor }),
    });
    if (answer.taken) return;
    const holder = answer.by;
    if (tries >= TRIES || !(await parts.executions.isOver(holder.executionArn)))
      throw new NightjarError('TARGET_BUSY', {
        operation: 'lock target',
        detail: `${wish.target} is held by the ${holder.kind} ${holder.id} since ${holder.since}.`,
      });
    await closeDead(parts, holder);
  }
}

/** What is written into a record that somebody else closes; nobody was told of it yet. */
const DEAD = failure('EXECUTION_FAILED', { operation: 'close a dead execution' });

/**
 * Closes what an execution left open when it ended without a word: its task, its record, its lock. A dump that can't be
 * stopped does not keep tonight's backup away; whoever comes with the execution's end is told of it.
 *
 * @throws NightjarError TARGET_BUSY, the record closed, while a restore's task may still be at work.
 */
export async function closeDead(
  parts: Pick<Parts, 'catalog' | 'tasks' | 'now'>,
  dead: { readonly target: string; readonly kind: LockKind; readonly id: string },
): Promise<boolean> {
  const { target, kind, id } = dead;
  const { over, refusal } = await stopTaskOf(parts, id, `Nightjar: the execution behind ${kind} ${id} is over.`);
  const endedAt = parts.now().toISOString();
  // The id of a rollback or a drop has no record; its lock is all there is to close.
  const closed =
    kind === 'backup'
      ? await parts.catalog.failBackup(target, id, DEAD, endedAt)
      : await failRestore(parts, id, await parts.catalog.getProgress(id), { failure: DEAD, endedAt });
  if (kind === 'restore' && !over)
    throw new NightjarError('TARGET_BUSY', {
      operation: 'lock target',
      detail: `The execution of the restore ${id} is over, but its task may still change databases of ${target}. ${refusal?.detail ?? ''} Stop it in ECS, or try again when it has ended.`,
      cause: refusal,
    });
  await parts.catalog.unlock(target, kind, id);
  return closed;
}
