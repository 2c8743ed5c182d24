/** Takes a target's lock; a holder whose execution is over is closed and passed by. */
import type { LockKind } from '../../core/catalog.ts';
import { NightjarError, failure } from '../../core/errors.ts';
import type { Parts } from './parts.ts';
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

/** @throws NightjarError TARGET_BUSY when somebody alive holds it. */
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

/** Closes what an execution left open when it ended without a word: its task, its record, its lock, in this order. */
export async function closeDead(
  parts: Pick<Parts, 'catalog' | 'tasks' | 'now'>,
  dead: { readonly target: string; readonly kind: LockKind; readonly id: string },
  what = failure('EXECUTION_FAILED', { operation: 'take over a lock' }),
): Promise<boolean> {
  await stopTaskOf(parts, dead.id, `Nightjar: the execution behind ${dead.kind} ${dead.id} is over.`);
  const endedAt = parts.now().toISOString();
  // The id of a rollback or a drop has no record; its lock is all there is to close.
  const closed =
    dead.kind === 'backup'
      ? await parts.catalog.failBackup(dead.target, dead.id, what, endedAt)
      : await parts.catalog.updateRestore(dead.id, ['RUNNING'], { status: 'FAILED', failure: what, endedAt });
  await parts.catalog.unlock(dead.target, dead.kind, dead.id);
  return closed;
}
